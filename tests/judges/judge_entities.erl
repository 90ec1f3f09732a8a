%% Entities on several nodes over one store: the values of keys, while their processes and the programs of their nodes are
%% killed. A call that gets no answer is made again with the same id, at another node, so that each has one answer.
-module(judge_entities).
-export([prepare/0, finish/1, initial_state/0, command/1, precondition/2, next_state/3, postcondition/3]).
-export([swap/3, add/3, read/2, kill_entity/2, kill_node/1]).

%% The values that keys have.
initial_state() -> #{k => 0, l => 0}.

command(_) ->
    Node = proper_types:oneof(judge:setting(nodes)),
    Key = proper_types:oneof([k, l]),
    Value = proper_types:integer(1, 9),
    proper_types:frequency([{Weight, {call, ?MODULE, F, Args}} || {Weight, F, Args} <-
        [{6, swap, [Node, Key, Value]}, {6, add, [Node, Key, Value]}, {6, read, [Node, Key]},
         {3, kill_entity, [Node, Key]}, {1, kill_node, [Node]}]]).

precondition(_, _) -> true.

next_state(S, _, {call, _, swap, [_, Key, Value]}) -> S#{Key := Value};
next_state(S, _, {call, _, add, [_, Key, Value]}) -> S#{Key := maps:get(Key, S) + Value};
next_state(S, _, _) -> S.

postcondition(S, {call, _, F, [_, Key | Rest]}, Answer) ->
    judge:expect(Answer, case {F, Rest} of
        {swap, _} -> maps:get(Key, S);
        {add, [Value]} -> maps:get(Key, S) + Value;
        {read, []} -> maps:get(Key, S);
        {kill_entity, []} -> ok
    end);
postcondition(_, {call, _, kill_node, _}, Answer) -> judge:expect(Answer, ok).

prepare() -> judge:put_setting(run, judge:fresh()).

finish(none) -> true;
finish(S) ->
    Node = hd(judge:setting(nodes)),
    lists:all(fun({Key, Value}) -> judge:expect(read(Node, Key), Value) end, maps:to_list(S)).

swap(Node, Key, Value) -> ask(Node, swap, [key(Key), Value]).
add(Node, Key, Value) -> ask(Node, add, [key(Key), Value]).
read(Node, Key) -> ask(Node, read, [key(Key)]).

kill_entity(Node, Key) ->
    Pid = ask(Node, entity, [key(Key)]),
    Ref = monitor(process, Pid),
    exit(Pid, kill),
    receive {'DOWN', Ref, _, _, _} -> ok after 60000 -> lives end.

%% Kills the program, starts it again, and waits until its node is up; it need not own a key then.
kill_node(Node) -> erpc:call(judge:setting(control), control, kill, [atom_to_binary(Node)], 120000).

key(Key) -> <<(atom_to_binary(Key))/binary, "_", (integer_to_binary(judge:setting(run)))/binary>>.

ask(Node, F, Args) ->
    Id = integer_to_binary(judge:fresh()),
    ask([Node | judge:setting(nodes) -- [Node]], F, Args ++ [Id], erlang:monotonic_time(millisecond) + 60000).

ask([Node | Others], F, Args, Until) ->
    try judge:on(Node, F, Args)
    catch Kind:Reason ->
        case erlang:monotonic_time(millisecond) > Until of
            true -> {Kind, Reason};
            false -> ask(Others ++ [Node], F, Args, Until)
        end
    end.
