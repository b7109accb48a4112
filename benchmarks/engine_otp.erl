%% The real OTP `supervisor' at the works of engine.py: it restarts bare processes, which say that
%% they are up and wait. One work a line of standard input; the nanoseconds it took, on one line.
%%
%%   erl +S 1 -noshell -pa DIR -run engine_otp main

-module(engine_otp).

-behaviour(supervisor).

-export([main/0, init/1, start_one/2, start_instance/2, child/2]).

main() ->
    ok = logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    loop().

loop() ->
    case io:get_line("") of
        eof -> halt(0);
        Line ->
            Began = erlang:monotonic_time(nanosecond),
            work(string:lexemes(Line, " \n")),
            io:format("~b~n", [erlang:monotonic_time(nanosecond) - Began]),
            loop()
    end.

work(["start", "pool", Count]) ->
    N = list_to_integer(Count),
    {ok, Sup} = supervisor:start_link(?MODULE, {pool, self()}),
    [{ok, _} = supervisor:start_child(Sup, [Id]) || Id <- lists:seq(0, N - 1)],
    started(Sup, N);
work(["start", Strategy, Count]) ->
    N = list_to_integer(Count),
    {ok, Sup} = supervisor:start_link(?MODULE, {list_to_atom(Strategy), self(), N}),
    started(Sup, N);
work(["restart", Count]) ->
    N = maps:size(get(pids)),
    [restart(I * 7919 rem N) || I <- lists:seq(1, list_to_integer(Count))];
work(["kill_last", Count]) ->
    N = maps:size(get(pids)),
    [restart(N - 1) || _ <- lists:seq(1, list_to_integer(Count))];
work(["kill_first_of_all"]) ->
    exit(maps:get(0, get(pids)), kill),
    collect(maps:size(get(pids)));
work(["kill_all"]) ->
    [exit(Pid, kill) || Pid <- maps:values(get(pids))],
    collect(maps:size(get(pids)));
work(["stop"]) ->
    Sup = get(sup),
    exit(Sup, shutdown),
    receive {'EXIT', Sup, shutdown} -> ok end.

started(Sup, N) ->
    put(sup, Sup),
    put(pids, #{}),
    collect(N).

restart(Id) ->
    exit(maps:get(Id, get(pids)), kill),
    collect(1).

collect(0) -> ok;
collect(N) ->
    receive {up, Id, Pid} -> put(pids, maps:put(Id, Pid, get(pids))) end,
    collect(N - 1).

init({pool, Driver}) ->
    {ok, {flags(simple_one_for_one), [spec(child, {?MODULE, start_instance, [Driver]})]}};
init({Strategy, Driver, N}) ->
    Children = [spec(Id, {?MODULE, start_one, [Driver, Id]}) || Id <- lists:seq(0, N - 1)],
    {ok, {flags(Strategy), Children}}.

flags(Strategy) ->
    #{strategy => Strategy, intensity => 1000000000, period => 1}.

spec(Id, Start) ->
    #{id => Id, start => Start, restart => permanent, shutdown => 5000}.

start_one(Driver, Id) ->
    {ok, spawn_link(?MODULE, child, [Driver, Id])}.

start_instance(Driver, Id) ->
    start_one(Driver, Id).

child(Driver, Id) ->
    Driver ! {up, Id, self()},
    receive stop -> ok end.
