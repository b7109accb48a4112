%% Erlang/OTP as a writer of logs: a gen_server with a port and a file for each program, rotated at
%% the end of a line when it has 10 MB.
%%
%%     erl -noshell -pa FOLDER -run logs main PROGRAMS
%%
%% PROGRAMS is a file of terms: {Name, [Program, Argument, ...]}.
-module(logs).
-behaviour(gen_server).
-export([main/1, init/1, handle_call/3, handle_cast/2, handle_info/2]).

-define(LIMIT, 10000000).

main([Path]) ->
    {ok, Programs} = file:consult(Path),
    [{ok, _} = gen_server:start(?MODULE, Program, []) || Program <- Programs].

init({Name, [Program | Arguments]}) ->
    Path = "logs/" ++ atom_to_list(Name),
    Port = open_port({spawn_executable, Program}, [{args, Arguments}, exit_status, binary, in]),
    {ok, {Port, Path, 0, 0, open(Path)}}.

open(Path) ->
    {ok, File} = file:open(Path, [raw, binary, append]),
    File.

handle_call(_, _, State) -> {reply, ok, State}.

handle_cast(_, State) -> {noreply, State}.

handle_info({Port, {data, Data}}, {Port, Path, Number, Size, File})
  when Size + byte_size(Data) > ?LIMIT ->
    {End, Rest} = split(Data),
    ok = file:write(File, End),
    ok = file:close(File),
    ok = file:rename(Path, Path ++ "." ++ integer_to_list(Number)),
    New = open(Path),
    ok = file:write(New, Rest),
    {noreply, {Port, Path, Number + 1, byte_size(Rest), New}};
handle_info({Port, {data, Data}}, {Port, Path, Number, Size, File}) ->
    ok = file:write(File, Data),
    {noreply, {Port, Path, Number, Size + byte_size(Data), File}};
handle_info(_, State) -> {noreply, State}.

split(Data) ->
    case binary:match(Data, <<"\n">>) of
        {At, _} -> split_binary(Data, At + 1);
        nomatch -> {Data, <<>>}
    end.
