%% Runs scenarios on the real OTP `supervisor' and writes what it did: the reference of the
%% differential test. Scenarios come one JSON object a line; traces go out, one a line, in order.
%%
%%   erlc -o DIR otp_scenarios.erl scenario_json.erl
%%   erl +S 1 -noshell -noinput -pa DIR -run otp_scenarios main IN OUT
%%
%% Every supervisor of a scenario is a `supervisor' process, every worker a bare process; nothing of
%% OTP's behaviour is imitated here. What this module adds is order, stillness and time:
%%
%% * Order. Start functions note what they did, and each process's exit is traced. Both are stamped
%%   by one strictly monotonic counter, the runtime's, and a trace is sorted by these stamps.
%% * Stillness. After each event the tree is walked through which_children, which is answered behind
%%   whatever is in a supervisor's mailbox, until a whole walk finds every process alive, none
%%   restarting and no other process about to end.
%% * Time. One second of a scenario is ?SECOND seconds of the supervisors' clock, and a period is
%%   half of a scenario's second longer (see period/1). So the real time that a scenario takes never
%%   counts in a restart window, and only the event `advance' ages the restarts in it.
%%
%% One scheduler (+S 1) makes the order of unrelated processes repeatable where OTP promises none.

-module(otp_scenarios).

-behaviour(supervisor).

-export([main/1]).
-export([init/1]).
-export([start_supervisor/2, start_worker/2, start_instance/3]).
-export([worker/2]).

%% Written by start functions, in whatever process they run: {Stamp, Note}.
-define(NOTES, otp_scenarios_notes).
%% What start functions look up: {{outcomes, Path}, [Outcome]}, {driver, Pid}, and the numbers of
%% instances.
-define(PLANS, otp_scenarios_plans).

%% Seconds of the supervisors' clock in one second of a scenario.
-define(SECOND, 1000).
%% A scenario that takes longer than this (real milliseconds) hangs: fail rather than wait.
%% Far less than half of ?SECOND seconds, which is what the restart windows can stand.
-define(PATIENCE, 120000).
%% The field of the supervisor's state record which holds the timestamps of restarts (OTP 25 to 29).
-define(RESTARTS, 8).

%% A process of the tree, known since its start function succeeded. Kinds: worker, supervisor, pool.
-record(proc, {path, kind, parent, on_shutdown}).

%% A scenario under way. Only the driver, the parent of the root, has it.
-record(run, {root = none,         % the root's pid, also when it is dead
              live = #{},          % Pid => #proc{}: all that have started and not ended
              paths = #{},         % Pid => Path, of the dead too
              latest = #{},        % Path => the last pid it had
              held = none,         % {Pid, Children} while a batch holds a supervisor back
              trace = []}).        % [{Stamp, Note}] of the present event

%%% The program

main([In, Out]) ->
    ok = logger:set_primary_config(level, none),
    try run_file(In, Out) of
        ok -> halt(0)
    catch
        _:Reason:Stack ->
            io:format(standard_error, "~tp~n~tp~n", [Reason, Stack]),
            halt(1)
    end.

run_file(In, Out) ->
    ets:new(?NOTES, [named_table, public, ordered_set]),
    ets:new(?PLANS, [named_table, public, set]),
    {ok, Source} = file:open(In, [read, raw, binary, read_ahead]),
    {ok, Sink} = file:open(Out, [write, raw, binary, {delayed_write, 65536, 1000}]),
    run_lines(Source, Sink, 1),
    ok = file:close(Sink).

run_lines(Source, Sink, Number) ->
    case file:read_line(Source) of
        {ok, Line} ->
            ok = file:write(Sink, run_line(Line, Number)),
            run_lines(Source, Sink, Number + 1);
        eof ->
            ok
    end.

%% Each scenario has a driver process of its own: what it leaves unread dies with it.
run_line(<<"\n">>, _Number) ->
    [];
run_line(Line, Number) ->
    Driver = fun() -> exit({done, run_scenario(scenario_json:decode(Line))}) end,
    {Pid, Monitor} = spawn_opt(Driver, [monitor, {min_heap_size, 20000}]),
    receive
        {'DOWN', Monitor, process, Pid, {done, Text}} -> Text;
        {'DOWN', Monitor, process, Pid, Reason} -> error({scenario_failed, Number, Reason})
    after ?PATIENCE ->
        error({scenario_hangs, Number})
    end.

%%% A scenario

run_scenario(Scenario) ->
    process_flag(trap_exit, true),
    clear_tables(),
    ets:insert(?PLANS, {driver, self()}),
    maps:foreach(fun plan/2, maps:get(<<"plan">>, Scenario, #{})),
    Snapshots = maps:get(<<"snapshots">>, Scenario, false),
    {Start, Run1} = start_root(maps:get(<<"tree">>, Scenario), #run{}),
    {Events, Run2} = lists:mapfoldl(fun(Event, Run) -> run_event(Event, Snapshots, Run) end,
                                    Run1, maps:get(<<"events">>, Scenario, [])),
    {Listings, Run3} = settle(Run2),
    Final = snapshot(Listings, Run3),
    {Stop, Run4} = final_stop(Run3),
    bury(Run4),
    Trace = #{<<"id">> => maps:get(<<"id">>, Scenario, null),
              <<"start">> => Start,
              <<"events">> => Events,
              <<"final">> => Final,
              <<"stop">> => Stop},
    iolist_to_binary([scenario_json:encode(Trace), $\n]).

clear_tables() ->
    ets:delete_all_objects(?NOTES),
    ets:delete_all_objects(?PLANS).

start_root(Tree = #{<<"id">> := Id}, Run0) ->
    Result = start_supervisor(Id, Tree),
    {_, Run1} = settle(with_root(Result, Run0)),
    Record = #{<<"op">> => start, <<"result">> => plain(Result, Run1), <<"trace">> => trace(Run1)},
    {Record, Run1#run{trace = []}}.

with_root({ok, Pid}, Run) -> Run#run{root = Pid};
with_root({error, _}, Run) -> Run.

run_event(Event = #{<<"op">> := Op}, Snapshots, Run0) ->
    {Reply, Run1} = perform(Op, Event, Run0),
    {Listings, Run2} = settle(Run1),
    Record = #{<<"op">> => Op,
               <<"result">> => result(Event, Reply, Run2),
               <<"trace">> => trace(Run2)},
    Extra = maps:merge(root_exit(Run2), snap(Snapshots, Listings, Run2)),
    {maps:merge(Record, Extra), Run2#run{trace = []}}.

root_exit(Run = #run{root = Root, trace = Trace}) ->
    case [Reason || {_, {exited, Pid, Reason}} <- Trace, Pid =:= Root] of
        [Reason] -> #{<<"root_exit">> => plain(Reason, Run)};
        [] -> #{}
    end.

snap(true, Listings, Run) -> #{<<"snap">> => snapshot(Listings, Run)};
snap(false, _Listings, _Run) -> #{}.

final_stop(Run0) ->
    {Reply, Run1} = exit_root(shutdown, Run0),
    {_, Run2} = settle(Run1),
    {#{<<"result">> => plain(Reply, Run2), <<"trace">> => trace(Run2)}, Run2}.

%% Orphans which ignore every request outlive the root; no scenario inherits them.
bury(#run{live = Live}) ->
    Monitors = [kill_and_monitor(Pid) || Pid <- maps:keys(Live)],
    [receive {'DOWN', Monitor, process, _, _} -> ok end || Monitor <- Monitors].

kill_and_monitor(Pid) ->
    exit(Pid, kill),
    monitor(process, Pid).

%%% Events: what each does, as {Reply, Run}; nothing here waits for the tree to settle

perform(<<"kill">>, #{<<"path">> := Path, <<"reason">> := Reason}, Run) ->
    kill(live_at(Path, Run), reason(Reason), Run);
perform(<<"plan">>, #{<<"path">> := Path, <<"outcomes">> := Outcomes}, Run) ->
    plan(Path, Outcomes),
    {ok, Run};
perform(<<"fail_next">>, Event = #{<<"path">> := Path, <<"n">> := Count}, Run) ->
    plan(Path, lists:duplicate(Count, maps:get(<<"mode">>, Event, <<"error">>))),
    {ok, Run};
perform(<<"advance">>, #{<<"s">> := Seconds}, Run) ->
    [age(Pid, Seconds) || {Pid, Proc} <- maps:to_list(Run#run.live), Proc#proc.kind =/= worker],
    {ok, Run};
perform(<<"batch">>, #{<<"sup">> := Path, <<"do">> := Items}, Run) ->
    batch(live_at(Path, Run), Path, Items, Run);
perform(<<"stop_root">>, #{<<"reason">> := Reason}, Run) ->
    exit_root(reason(Reason), Run);
perform(Op, Event = #{<<"sup">> := Path}, Run0) ->
    case request(Op, Event, live_at(Path, Run0), Run0) of
        {call, Call, Run1} -> {reply_to(Call), Run1};
        {answer, Reply, Run1} -> {Reply, Run1}
    end.

reason(<<"shutdown_term">>) -> {shutdown, done};
reason(Word) -> term(Word).

%% The path's process if it is alive: {Pid, #proc{}}.
live_at(Path, #run{latest = Latest, live = Live}) ->
    Pid = maps:get(Path, Latest, none),
    case Live of
        #{Pid := Proc} -> {Pid, Proc};
        #{} -> none
    end.

kill(none, _Reason, Run) ->
    {{exit, noproc}, Run};
kill({Pid, Proc}, Reason, Run) ->
    end_process(Pid, Proc#proc.kind, Reason),
    {ok, await_exit(Pid, Run)}.

%% A worker ends by its own will. So does a supervisor, which stops its children first.
end_process(Pid, _Kind, kill) -> exit(Pid, kill);
end_process(Pid, worker, Reason) -> Pid ! {end_yourself, Reason};
end_process(Pid, _Kind, Reason) -> sys:terminate(Pid, Reason, infinity).

%% The root handles the exit of its parent, which is this process.
exit_root(Reason, Run = #run{root = Root, live = Live}) when is_map_key(Root, Live) ->
    exit(Root, Reason),
    {ok, await_exit(Root, Run)};
exit_root(_Reason, Run) ->
    {{exit, noproc}, Run}.

%% `Seconds' pass for the restart window of a supervisor.
age(Pid, Seconds) ->
    Older = fun(State) when element(1, State) =:= state ->
                    Restarts = [Stamp - Seconds * ?SECOND || Stamp <- element(?RESTARTS, State)],
                    setelement(?RESTARTS, State, Restarts)
            end,
    State = sys:replace_state(Pid, Older, infinity),
    true = is_list(element(?RESTARTS, State)).

%%% Calls to a supervisor

%% What an administrative event asks: {call, Call, Run}, or {answer, Reply, Run} without a call.
request(Op, Event, {Pid, #proc{kind = pool, path = Path}}, Run) ->
    pool_request(Op, Event, Pid, Path, Run);
request(Op, Event, {Pid, #proc{kind = supervisor, path = Path}}, Run) ->
    {call, static_request(Op, Event, Pid, Path), Run};
request(_Op, _Event, _NoSupervisor, Run) ->
    {answer, {exit, noproc}, Run}.

static_request(<<"start_child">>, #{<<"child">> := Child}, Pid, Path) ->
    Spec = child_spec(Path, Child),
    fun() -> supervisor:start_child(Pid, Spec) end;
static_request(Op, Event, Pid, _Path) ->
    by_id(Op, Event, Pid).

by_id(<<"terminate_child">>, #{<<"id">> := Id}, Pid) ->
    fun() -> supervisor:terminate_child(Pid, Id) end;
by_id(<<"restart_child">>, #{<<"id">> := Id}, Pid) ->
    fun() -> supervisor:restart_child(Pid, Id) end;
by_id(<<"delete_child">>, #{<<"id">> := Id}, Pid) ->
    fun() -> supervisor:delete_child(Pid, Id) end;
by_id(<<"which_children">>, _Event, Pid) ->
    fun() -> supervisor:which_children(Pid) end;
by_id(<<"count_children">>, _Event, Pid) ->
    fun() -> supervisor:count_children(Pid) end.

%% OTP does not name the instances of a pool. Here each has a reference of its own, and those that
%% the pool comes to start are numbered in that order.
pool_request(<<"start_child">>, _Event, Pid, _Path, Run) ->
    {call, fun() -> supervisor:start_child(Pid, [make_ref()]) end, Run};
pool_request(Op = <<"terminate_child">>, Event = #{<<"id">> := Id}, Pid, Path, Run) ->
    case {maps:find(below(Path, Id), Run#run.latest), binary:match(Id, <<"#">>)} of
        {{ok, Instance}, _} -> {call, fun() -> supervisor:terminate_child(Pid, Instance) end, Run};
        {error, nomatch} -> {call, by_id(Op, Event, Pid), Run};
        {error, _NumberOfNobody} -> {answer, {error, not_found}, Run}
    end;
pool_request(Op, Event, Pid, _Path, Run) ->
    {call, by_id(Op, Event, Pid), Run}.

%% The supervisor may end before it answers.
reply_to(Call) ->
    try Call()
    catch exit:{Reason, {gen_server, call, _}} -> {exit, Reason}
    end.

%%% Batches: all that is done reaches a supervisor before it handles the first

batch({Pid, #proc{kind = Kind}}, Path, Items, Run0) when Kind =/= worker ->
    ok = sys:suspend(Pid, infinity),
    Held = Run0#run{held = {Pid, children_of(Pid, Run0)}},
    {Pending, Run1} = lists:mapfoldl(fun(Item, Run) -> batch_item(Item, Pid, Path, Run) end,
                                     Held, Items),
    resume(Pid),
    {_, Run2} = settle(Run1#run{held = none}),
    {{batch, [collect(Reply) || Reply <- Pending]}, Run2};
batch(_NoSupervisor, _Path, _Items, Run) ->
    {{exit, noproc}, Run}.

%% Nothing may come to an end of which the held supervisor has not yet been told.
batch_item(Item0, Held, Path, Run0) ->
    Item = maps:merge(#{<<"sup">> => Path}, Item0),
    {Pending, Run1} = batch_perform(Item, Held, Path, Run0),
    {_, Run2} = settle(Run1),
    {Pending, Run2}.

batch_perform(Item = #{<<"op">> := Op, <<"sup">> := Path}, Held, Path, Run0)
  when Op =/= <<"kill">>, Op =/= <<"plan">>, Op =/= <<"fail_next">> ->
    case request(Op, Item, live_at(Path, Run0), Run0) of
        {call, Call, Run1} -> {{reply_of, queue_call(Call, Held)}, Run1};
        {answer, Reply, Run1} -> {Reply, Run1}
    end;
batch_perform(Item = #{<<"op">> := Op}, _Held, _Path, Run) ->
    perform(Op, Item, Run).

%% The caller, whose call waits in the mailbox of the held supervisor.
queue_call(Call, Held) ->
    Driver = self(),
    Caller = spawn(fun() -> Driver ! {reply_of, self(), reply_to(Call)} end),
    await_queued(Held, fun({'$gen_call', {From, _}, _}) -> From =:= Caller; (_) -> false end),
    Caller.

await_queued(Pid, Wanted) ->
    case lists:any(Wanted, mailbox(Pid)) orelse not is_process_alive(Pid) of
        true -> ok;
        false -> erlang:yield(), await_queued(Pid, Wanted)
    end.

mailbox(Pid) ->
    case process_info(Pid, messages) of
        {messages, Messages} -> Messages;
        undefined -> []
    end.

resume(Pid) ->
    try sys:resume(Pid, infinity)
    catch exit:_ -> ok
    end.

collect({reply_of, Caller}) -> receive {reply_of, Caller, Reply} -> Reply end;
collect(Reply) -> Reply.

%%% Settling

%% Waits until nothing in the tree will change by itself; gives what each supervisor then listed.
settle(Run0) ->
    Run1 = catch_up(Run0),
    case survey(Run1) of
        {settled, Listings} -> {Listings, catch_up(Run1)};
        unsettled -> erlang:yield(), settle(Run1)
    end.

survey(Run) ->
    try walk(Run#run.root, Run) of
        Listings -> judge(Listings, Run)
    catch
        throw:unsettled -> unsettled
    end.

%% [{Supervisor, which_children or held_back}] of the tree under a supervisor, itself first.
walk(Pid, #run{live = Live}) when not is_map_key(Pid, Live) ->
    [];
walk(Pid, Run = #run{held = {Pid, _}}) ->
    Supervisors = [Child || Child <- children_of(Pid, Run), is_supervisor(Child, Run)],
    [{Pid, held_back} | lists:flatmap(fun(Child) -> walk(Child, Run) end, Supervisors)];
walk(Pid, Run) ->
    case reply_to(fun() -> supervisor:which_children(Pid) end) of
        {exit, _} -> throw(unsettled);
        Which -> [{Pid, Which} | lists:flatmap(fun(Child) -> walk_child(Child, Run) end, Which)]
    end.

walk_child({_, restarting, _, _}, _Run) -> throw(unsettled);
walk_child({_, Pid, supervisor, _}, Run) when is_pid(Pid) -> walk(Pid, Run);
walk_child(_Child, _Run) -> [].

%% Settled, if all that was listed lives and all that lives was listed, or is an orphan for good.
judge(Listings, Run = #run{root = Root, live = Live}) ->
    Listed = [Pid || {_, Which} <- Listings, is_list(Which), {_, Pid, _, _} <- Which, is_pid(Pid)],
    Held = [Child || {Pid, held_back} <- Listings, Child <- children_of(Pid, Run)],
    Roots = [Root || is_map_key(Root, Live)],
    Known = Roots ++ Held ++ Listed,
    Settled = lists:all(fun(Pid) -> is_map_key(Pid, Live) andalso is_process_alive(Pid) end, Known)
        andalso lists:all(fun(Proc) -> is_stubborn_orphan(Proc, Run) end,
                          maps:values(maps:without(Known, Live)))
        andalso held_knows_the_dead(Run),
    case Settled of
        true -> {settled, Listings};
        false -> unsettled
    end.

%% A worker which ignores every request goes on after the death of its supervisor.
is_stubborn_orphan(#proc{parent = Parent, on_shutdown = OnShutdown}, #run{live = Live}) ->
    OnShutdown =:= ignore andalso not is_map_key(Parent, Live).

held_knows_the_dead(#run{held = {Pid, Children}, live = Live}) when is_map_key(Pid, Live) ->
    Told = [Dead || {'EXIT', Dead, _} <- mailbox(Pid)],
    lists:all(fun(Child) -> is_map_key(Child, Live) orelse lists:member(Child, Told) end, Children);
held_knows_the_dead(_Run) ->
    true.

children_of(Pid, #run{live = Live}) ->
    [Child || {Child, #proc{parent = Parent}} <- maps:to_list(Live), Parent =:= Pid].

is_supervisor(Pid, #run{live = Live}) ->
    (maps:get(Pid, Live))#proc.kind =/= worker.

await_exit(Pid, Run0) ->
    Run1 = catch_up(Run0),
    case is_map_key(Pid, Run1#run.live) of
        true -> erlang:yield(), await_exit(Pid, Run1);
        false -> Run1
    end.

%%% What happened

%% Takes in what has been noted and traced since the last time. Exits are fetched first: then the
%% start of whatever has ended is among the notes.
catch_up(Run) ->
    Exits = take_exits([]),
    lists:foldl(fun happened/2, Run, lists:sort(Exits ++ take_notes())).

take_exits(Exits) ->
    receive
        {trace_ts, Pid, exit, Reason, {_, Stamp}} ->
            take_exits([{Stamp, {exited, Pid, Reason}} | Exits]);
        Other when element(1, Other) =:= trace_ts ->
            take_exits(Exits)
    after 0 ->
        Exits
    end.

%% Start functions may be writing at this moment: only what was read is deleted.
take_notes() ->
    Notes = ets:tab2list(?NOTES),
    [ets:delete(?NOTES, Stamp) || {Stamp, _} <- Notes],
    Notes.

happened(Entry = {_, {started, Pid, Proc = #proc{path = Path}}}, Run) ->
    #run{live = Live, paths = Paths, latest = Latest, trace = Trace} = Run,
    Run#run{live = Live#{Pid => Proc}, paths = Paths#{Pid => Path}, latest = Latest#{Path => Pid},
            trace = [Entry | Trace]};
happened(Entry = {_, {start_failed, _, _, _}}, Run = #run{trace = Trace}) ->
    Run#run{trace = [Entry | Trace]};
happened(Entry = {_, {exited, Pid, _}}, Run = #run{live = Live, trace = Trace}) ->
    case is_map_key(Pid, Live) of
        true -> Run#run{live = maps:remove(Pid, Live), trace = [Entry | Trace]};
        false -> Run
    end.

trace(Run = #run{trace = Trace}) ->
    [record(Note, Run) || {_, Note} <- lists:sort(Trace)].

record({started, _, #proc{path = Path}}, _Run) ->
    #{<<"ev">> => start, <<"path">> => Path};
record({start_failed, Path, Mode, Reason}, Run) ->
    #{<<"ev">> => start_failed, <<"path">> => Path, <<"mode">> => Mode,
      <<"reason">> => plain(Reason, Run)};
record({exited, Pid, Reason}, Run) ->
    #{<<"ev">> => exit, <<"path">> => path(Pid, Run), <<"reason">> => plain(Reason, Run)}.

%%% Terms as JSON

result(#{<<"do">> := Items}, {batch, Replies}, Run) ->
    [result(Item, Reply, Run) || {Item, Reply} <- lists:zip(Items, Replies)];
result(#{<<"op">> := <<"which_children">>}, Which, Run) when is_list(Which) ->
    listing(Which, Run);
result(#{<<"op">> := <<"count_children">>}, Counts, _Run) when is_list(Counts) ->
    maps:from_list(Counts);
result(_Event, Reply, Run) ->
    plain(Reply, Run).

snapshot(Listings, Run) ->
    maps:from_list([{path(Pid, Run), state(Pid, Which, Run)} || {Pid, Which} <- Listings]).

state(Pid, Which, Run) ->
    #{<<"which">> => listing(Which, Run),
      <<"count">> => maps:from_list(supervisor:count_children(Pid))}.

%% OTP lists a pool, whose children have no ids, in no order worth keeping.
listing(Which, Run) ->
    Entries = [entry(Child, Run) || Child <- Which],
    case Which of
        [{undefined, _, _, _} | _] -> lists:sort(Entries);
        _ -> Entries
    end.

entry({undefined, Pid, Type, _}, Run) when is_pid(Pid) ->
    [last_id(path(Pid, Run)), <<"running">>, Type];
entry({undefined, State, Type, _}, _Run) ->
    [<<"undefined">>, atom_to_binary(State), Type];
entry({Id, Pid, Type, _}, _Run) when is_pid(Pid) ->
    [Id, running, Type];
entry({Id, State, Type, _}, _Run) ->
    [Id, State, Type].

last_id(Path) ->
    lists:last(binary:split(Path, <<"/">>, [global])).

%% Pids as paths, child specifications (and records of them) as their ids, and no stacks.
plain(Pid, Run) when is_pid(Pid) -> path(Pid, Run);
plain(#{id := Id}, _Run) -> #{<<"child">> => Id};
plain(Record, _Run) when is_tuple(Record), element(1, Record) =:= child, tuple_size(Record) > 3 ->
    #{<<"child">> => element(3, Record)};
plain({Reason, [{M, F, _, L} | _]}, Run) when is_atom(M), is_atom(F), is_list(L) ->
    plain(Reason, Run);
plain(Tuple, Run) when is_tuple(Tuple) -> plain(tuple_to_list(Tuple), Run);
plain(List, Run) when is_list(List) -> [plain(Item, Run) || Item <- List];
plain(Term, _Run) -> Term.

path(Pid, #run{paths = Paths}) -> maps:get(Pid, Paths).

%%% Supervisors: the callback, and the specifications it makes of a scenario's

init({Path, Spec}) ->
    ToSpec = case supervisor_kind(Spec) of
                 pool -> fun template_spec/2;
                 supervisor -> fun child_spec/2
             end,
    {ok, {flags(Spec), [ToSpec(Path, Child) || Child <- maps:get(<<"children">>, Spec, [])]}}.

%% What is left out has OTP's default, but for the period, which has to be scaled.
flags(Spec) ->
    Flags = given(Spec, [{<<"strategy">>, strategy},
                         {<<"intensity">>, intensity},
                         {<<"auto_shutdown">>, auto_shutdown}]),
    Flags#{period => period(maps:get(<<"period">>, Spec, 5))}.

%% A restart counts if it is no older than the period, in whole seconds. With half a scenario second
%% on top, that is decided by the seconds which `advance' let pass and by no real time.
period(Seconds) when is_integer(Seconds), Seconds > 0 -> Seconds * ?SECOND + ?SECOND div 2;
period(Invalid) -> Invalid.

child_spec(SupervisorPath, Child = #{<<"id">> := Id}) ->
    Given = given(Child, [{<<"restart">>, restart},
                          {<<"shutdown">>, shutdown},
                          {<<"significant">>, significant},
                          {<<"type">>, type}]),
    Given#{id => Id, start => {?MODULE, start_function(Child), [below(SupervisorPath, Id), Child]}}.

start_function(#{<<"type">> := <<"supervisor">>}) -> start_supervisor;
start_function(_Worker) -> start_worker.

template_spec(PoolPath, Child) ->
    Spec = #{start := {?MODULE, start_worker, Arguments}} = child_spec(PoolPath, Child),
    Spec#{start := {?MODULE, start_instance, Arguments}}.

given(Spec, Fields) ->
    maps:from_list([{Field, term(maps:get(Name, Spec))}
                    || {Name, Field} <- Fields, is_map_key(Name, Spec)]).

%% A word of a scenario is an atom of OTP.
term(Word) when is_binary(Word) -> binary_to_atom(Word);
term(Other) -> Other.

below(Path, Id) ->
    <<Path/binary, $/, Id/binary>>.

%%% Start functions, called by the supervisor (for the root, by the driver)

start_supervisor(Path, Spec) ->
    case supervisor:start_link(?MODULE, {Path, Spec}) of
        {ok, Pid} ->
            started(Pid, #proc{path = Path, kind = supervisor_kind(Spec), parent = self()}),
            {ok, Pid};
        {error, Reason} ->
            start_failed(Path, error, Reason),
            {error, Reason}
    end.

supervisor_kind(#{<<"strategy">> := <<"simple_one_for_one">>}) -> pool;
supervisor_kind(_Static) -> supervisor.

%% OTP appends what start_child was given to the arguments of the template.
start_instance(TemplatePath, Template, Instance) ->
    Number = number(TemplatePath, Instance),
    start_worker(<<TemplatePath/binary, $#, (integer_to_binary(Number))/binary>>, Template).

%% The same whenever this instance is started again.
number(TemplatePath, Instance) ->
    case ets:lookup(?PLANS, {number, Instance}) of
        [{_, Number}] ->
            Number;
        [] ->
            Counter = {numbers, TemplatePath},
            Number = ets:update_counter(?PLANS, Counter, 1, {Counter, 0}),
            ets:insert(?PLANS, {{number, Instance}, Number}),
            Number
    end.

start_worker(Path, Spec) ->
    start_as(next_outcome(Path), Path, term(maps:get(<<"on_shutdown">>, Spec, <<"shutdown">>))).

start_as(<<"ok">>, Path, OnShutdown) ->
    {ok, spawn_worker(Path, OnShutdown)};
start_as(<<"extra">>, Path, OnShutdown) ->
    {ok, spawn_worker(Path, OnShutdown), info};
start_as(<<"ignore">>, _Path, _OnShutdown) ->
    ignore;
start_as(<<"error">>, Path, _OnShutdown) ->
    start_failed(Path, error, start_error),
    {error, start_error};
start_as(<<"exit">>, Path, _OnShutdown) ->
    start_failed(Path, exit, {'EXIT', start_exit}),
    exit(start_exit);
start_as(<<"throw">>, Path, _OnShutdown) ->
    start_failed(Path, throw, start_throw),
    throw(start_throw);
start_as(<<"bad">>, Path, _OnShutdown) ->
    start_failed(Path, bad, bad_return),
    bad_return;
start_as(<<"init_crash">>, Path, _OnShutdown) ->
    {error, Reason} = proc_lib:start_link(erlang, exit, [init_crash]),
    start_failed(Path, init_crash, Reason),
    {error, Reason}.

spawn_worker(Path, OnShutdown) ->
    {ok, Pid} = proc_lib:start_link(?MODULE, worker, [self(), OnShutdown]),
    started(Pid, #proc{path = Path, kind = worker, parent = self(), on_shutdown = OnShutdown}),
    Pid.

%% Traced first: should this process be killed in between, then nobody waits for an exit unseen.
started(Pid, Proc) ->
    Tracer = ets:lookup_element(?PLANS, driver, 2),
    erlang:trace(Pid, true, [procs, strict_monotonic_timestamp, {tracer, Tracer}]),
    note({started, Pid, Proc}).

start_failed(Path, Mode, Reason) ->
    note({start_failed, Path, Mode, Reason}).

note(Note) ->
    ets:insert(?NOTES, {erlang:unique_integer([monotonic]), Note}).

%% The outcomes which the next attempts at starting a path shall have; `ok' when they are used up.
plan(Path, Outcomes) ->
    ets:insert(?PLANS, {{outcomes, Path}, Outcomes}).

next_outcome(Path) ->
    case ets:lookup(?PLANS, {outcomes, Path}) of
        [{_, [Outcome | Later]}] -> plan(Path, Later), Outcome;
        _ -> <<"ok">>
    end.

%%% Workers

worker(Parent, OnShutdown) ->
    process_flag(trap_exit, OnShutdown =/= shutdown),
    proc_lib:init_ack(Parent, {ok, self()}),
    work(Parent, OnShutdown).

work(Parent, OnShutdown) ->
    receive
        {end_yourself, Reason} -> exit(Reason);
        {'EXIT', Parent, _} -> asked_to_stop(OnShutdown, Parent)
    end.

asked_to_stop(normal, _Parent) -> exit(normal);
asked_to_stop(crash, _Parent) -> exit(crash);
asked_to_stop(shutdown_term, _Parent) -> exit({shutdown, done});
asked_to_stop(ignore, Parent) -> work(Parent, ignore).
