%% Erlang/OTP as a supervisor of programs: a one_for_one supervisor, a gen_server with a port each.
%%
%%     erl -noshell -pa FOLDER -run ports main PROGRAMS
%%
%% PROGRAMS is a file of terms: {Name, [Program, Argument, ...]}. A port cannot send a signal, so
%% that is the work of one sh for all.
-module(ports).
-behaviour(application).
-behaviour(gen_server).
%% and supervisor, whose init/1 is the first clause below: one module may not say both
-export([main/1, start/2, stop/1, start_link/2, start_signals/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

main([Path]) ->
    ok = application:load({application, ports, [{mod, {ports, Path}}]}),
    ok = application:start(ports).

start(_, Path) ->
    {ok, Programs} = file:consult(Path),
    supervisor:start_link(?MODULE, {all, Programs}).

stop(_) -> ok.

start_link(Name, Argv) -> gen_server:start_link(?MODULE, {port, Name, Argv}, []).

start_signals() -> gen_server:start_link({local, signals}, ?MODULE, signals, []).

init({all, Programs}) ->
    Signals = #{id => signals, start => {?MODULE, start_signals, []}},
    Children = [#{id => Name, start => {?MODULE, start_link, [Name, Argv]}, shutdown => 10000}
                || {Name, Argv} <- Programs],
    {ok, {#{strategy => one_for_one, intensity => 1000000, period => 1}, [Signals | Children]}};
init({port, _Name, [Program | Arguments]}) ->
    process_flag(trap_exit, true),
    {ok, open_port({spawn_executable, Program}, [{args, Arguments}, exit_status, binary])};
init(signals) ->
    {ok, open_port({spawn_executable, "/bin/sh"}, [binary])}.

handle_call({term, Pid}, _, Sh) ->
    port_command(Sh, ["kill -TERM ", integer_to_list(Pid), "\n"]),
    {reply, ok, Sh}.

handle_cast(_, State) -> {noreply, State}.

handle_info({Port, {exit_status, Status}}, Port) -> {stop, {exit_status, Status}, Port};
handle_info(_, State) -> {noreply, State}.

terminate(shutdown, Port) ->
    case erlang:port_info(Port, os_pid) of
        {os_pid, Pid} ->
            gen_server:call(signals, {term, Pid}),
            receive {Port, {exit_status, _}} -> ok end;
        undefined -> ok
    end;
terminate(_, _) -> ok.
