%% A model of actors: calls, casts and names of servers, links, monitors and exits, groups of pg, names of
%% global, keys of a registry. The actors a and b are on the node that is judged, c is on the judge's node.
%%
%% In the kind `lives` two processes at once start, call and stop servers; in the kind `tables` they change and read the
%% tables in which names, groups and keys are; in the kind `keys`, only the table of keys.
-module(judge_actors).
-export([prepare/0, finish/1, initial_state/0, command/1, precondition/2, next_state/3, postcondition/3]).
-export([start/1, stop/2, kill/1, put/2, add/2, get/1, state/1, whereis/1]).
-export([link/2, unlink/2, watch/3, unwatch/2, signal/3, say/3, take/1]).
-export([join/2, leave/2, members/2, local/1, claim/2, release/2, owner/2, owned/1, enter/2, quit/2, lookup/1]).

-define(ACTORS, [a, b, c]).

%% The state of the model. An actor's life is {Actor, Number}.
initial_state() ->
    #{kind => judge:setting(kind),
      values => #{A => 0 || A <- ?ACTORS},        % of actors that live
      lives => #{A => 1 || A <- ?ACTORS},         % the number of the last life
      boxes => #{A => [] || A <- ?ACTORS},        % what has arrived since it was taken, the last one first
      links => [],                                % [A, B], in order
      monitors => [],                             % {Watcher, Watched, pid or name}
      groups => [], names => #{}, keys => #{}}.

%%% The commands

command(#{kind := Kind}) ->
    proper_types:oneof([{call, ?MODULE, F, Args} || {F, Args} <- commands(Kind)]).

commands(sequential) ->
    A = actor(), B = actor(),
    serve(A) ++
    [{start, [A]}, {kill, [A]}, {state, [A]}, {whereis, [A]},
     {link, [A, B]}, {link, [A, B]}, {unlink, [A, B]}, {watch, [A, B, one([pid, name])]},
     {watch, [A, B, one([pid, name])]}, {watch, [A, B, pid]}, {unwatch, [A, B]}, {signal, [A, B, one([boom, boom, normal, kill])]},
     {say, [A, B, value()]}, {take, [A]}, {take, [A]},
     {join, [A, group()]}, {join, [A, group()]}, {join, [A, group()]}, {join, [A, group()]}, {join, [A, group()]},
     {leave, [A, group()]}, {leave, [A, group()]}, {members, [side(), group()]},
     {claim, [A, name()]}, {claim, [A, name()]}, {release, [A, name()]}, {owner, [side(), name()]},
     {enter, [ours(), name()]}, {enter, [ours(), name()]}, {quit, [ours(), name()]}, {lookup, [name()]}];
commands(lives) -> serve(ours());
commands(keys) -> [{enter, [ours(), name()]}, {quit, [ours(), name()]}, {lookup, [name()]}];
commands(tables) ->
    A = actor(), O = ours(),
    commands(keys) ++
    [{join, [O, group()]}, {leave, [O, group()]}, {local, [group()]},
     {claim, [A, name()]}, {release, [A, name()]}, {owned, [name()]}].

serve(A) ->
    [{start, [A]}, {put, [A, value()]}, {add, [A, value()]}, {get, [A]},
     {stop, [A, one([normal, shutdown, boom, {shutdown, moved}])]}].

one(Types) -> proper_types:oneof(Types).
actor() -> one(?ACTORS).
ours() -> one([a, b]).
side() -> one([judge, node]).
group() -> one([g, g, h]).
name() -> one([n, o]).
value() -> proper_types:integer(0, 9).

precondition(#{kind := sequential, values := Values}, {call, _, F, [A, B | _]})
    when F =:= link; F =:= watch; F =:= signal; F =:= say -> A =/= B andalso is_map_key(A, Values);
precondition(#{kind := sequential, values := Values}, {call, _, F, [A, B]})
    when F =:= unlink; F =:= unwatch -> A =/= B andalso is_map_key(A, Values) andalso is_map_key(B, Values);
precondition(#{values := Values}, {call, _, F, [A | _]})
    when F =:= take; F =:= join; F =:= leave; F =:= claim; F =:= release; F =:= enter; F =:= quit -> is_map_key(A, Values);
precondition(_, _) -> true.

%%% What they do

next_state(S = #{values := Values}, _, {call, _, F, [A | Rest]}) ->
    next(F, A, Rest, is_map_key(A, Values), S).

next(start, A, [], false, S = #{values := Values, boxes := Boxes, lives := Lives}) ->
    S#{values := Values#{A => 0}, boxes := Boxes#{A => []}, lives := Lives#{A := maps:get(A, Lives) + 1}};
next(put, A, [V], true, S = #{values := Values}) -> S#{values := Values#{A := V}};
next(add, A, [V], true, S = #{values := Values}) -> S#{values := Values#{A := maps:get(A, Values) + V}};
next(stop, A, [Reason], true, S) -> dies(A, Reason, S);
next(kill, A, [], true, S) -> dies(A, killed, S);
next(signal, A, [B, Reason], true, S = #{values := Values}) ->
    case {is_map_key(B, Values), Reason} of
        {false, _} -> S;
        {true, kill} -> dies(B, killed, S);
        _ -> arrives(B, {exit, life(A, S), Reason}, S)
    end;
next(link, A, [B], true, S = #{values := Values, links := Links}) ->
    case is_map_key(B, Values) of
        true -> S#{links := lists:usort([lists:sort([A, B]) | Links])};
        false -> arrives(A, {exit, life(B, S), noproc}, S)
    end;
next(unlink, A, [B], true, S = #{links := Links}) -> S#{links := Links -- [lists:sort([A, B])]};
next(watch, A, [B, How], true, S = #{values := Values, monitors := Monitors}) ->
    case is_map_key(B, Values) of
        true -> S#{monitors := [{A, B, How} | Monitors]};
        false -> arrives(A, down(B, How, noproc, S), S)
    end;
next(unwatch, A, [B], true, S = #{monitors := Monitors}) ->
    S#{monitors := [M || M = {Watcher, Watched, _} <- Monitors, {Watcher, Watched} =/= {A, B}]};
next(say, A, [B, V], true, S = #{values := Values}) ->
    case is_map_key(B, Values) of
        true -> arrives(B, {said, life(A, S), V}, S);
        false -> S
    end;
next(take, A, [], true, S = #{boxes := Boxes}) -> S#{boxes := Boxes#{A := []}};
next(join, A, [G], true, S = #{groups := Groups}) -> S#{groups := [{G, A} | Groups]};
next(leave, A, [G], true, S = #{groups := Groups}) -> S#{groups := Groups -- [{G, A}]};
next(claim, A, [N], true, S = #{names := Names}) ->
    case may_claim(A, N, Names) of
        true -> S#{names := Names#{N => A}};
        false -> S
    end;
next(release, _, [N], true, S = #{names := Names}) -> S#{names := maps:remove(N, Names)};
next(enter, A, [K], true, S = #{keys := Keys}) -> S#{keys := maps:merge(#{K => A}, Keys)};
next(quit, A, [K], true, S = #{keys := Keys}) ->
    case Keys of
        #{K := A} -> S#{keys := maps:remove(K, Keys)};
        _ -> S
    end;
next(_, _, _, _, S) -> S.

%% As in OTP, a process has one name of global at most.
may_claim(A, N, Names) -> not is_map_key(N, Names) andalso not lists:member(A, maps:values(Names)).

%% A life ends: links and monitors tell it, and all tables forget it.
dies(A, Reason, S = #{values := Values, boxes := Boxes, links := Links, monitors := Monitors}) ->
    #{groups := Groups, names := Names, keys := Keys} = S,
    Told = [{B, {exit, life(A, S), Reason}} || Pair <- Links, lists:member(A, Pair), B <- Pair -- [A]] ++
        [{B, down(A, How, Reason, S)} || {B, Watched, How} <- Monitors, Watched =:= A],
    Gone = S#{values := maps:remove(A, Values),
        boxes := maps:remove(A, Boxes),
        links := [Pair || Pair <- Links, not lists:member(A, Pair)],
        monitors := [M || M = {Watcher, Watched, _} <- Monitors, Watcher =/= A, Watched =/= A],
        groups := [Member || Member = {_, B} <- Groups, B =/= A],
        names := maps:filter(fun(_, B) -> B =/= A end, Names),
        keys := maps:filter(fun(_, B) -> B =/= A end, Keys)},
    lists:foldl(fun({B, Message}, State) -> arrives(B, Message, State) end, Gone, Told).

arrives(A, Message, S = #{boxes := Boxes}) -> S#{boxes := Boxes#{A := [Message | maps:get(A, Boxes)]}}.

down(B, pid, Reason, S) -> {down, life(B, S), Reason};
down(B, name, Reason, _) -> {down, {name, B}, Reason}.

life(A, #{lives := Lives}) -> {A, maps:get(A, Lives)}.

%%% What they must answer

postcondition(S = #{kind := Kind, values := Values, names := Names, keys := Keys}, {call, _, F, [A | Rest]}, Answer) ->
    Lives = is_map_key(A, Values),
    case {F, Rest} of
        {members, [G]} -> judge:eventually(Answer, members_of(G, S));
        {owner, [N]} -> judge:eventually(Answer, owner_of(N, Names, S));
        {take, []} -> judge:eventually(Answer, in_order(lists:reverse(maps:get(A, maps:get(boxes, S)))));
        {start, _} -> judge:expect(Answer, case Lives of true -> taken; false -> ok end);
        {whereis, _} -> judge:expect(Answer, case Lives of true -> life(A, S); false -> undefined end);
        {local, _} -> judge:expect(Answer, members_of(A, S));
        {owned, _} -> judge:expect(Answer, owner_of(A, Names, S));
        {lookup, _} -> judge:expect(Answer, case Keys of #{A := B} -> [life(B, S)]; _ -> [] end);
        {leave, [G]} -> judge:expect(Answer, case lists:member({G, A}, maps:get(groups, S)) of true -> ok; _ -> not_joined end);
        {claim, [N]} -> judge:expect(Answer, case may_claim(A, N, Names) of true -> yes; false -> no end);
        {enter, [K]} -> judge:expect(Answer, case is_map_key(K, Keys) of true -> taken; false -> ok end);
        {kill, []} -> judge:expect(Answer, {ended, case Lives of true -> killed; false -> noproc end});
        _ when not Lives, Kind =:= sequential -> judge:expect(Answer, noproc);
        % The caller may have found a server that was about to end.
        _ when not Lives -> Answer =:= noproc orelse (is_tuple(Answer) andalso element(1, Answer) =:= exit);
        {stop, [Reason]} -> judge:expect(Answer, {ended, Reason});
        {F, _} when F =:= put; F =:= get; F =:= state -> judge:expect(Answer, maps:get(A, Values));
        _ -> judge:expect(Answer, ok)
    end.

members_of(G, S = #{groups := Groups}) -> lists:sort([life(A, S) || {Group, A} <- Groups, Group =:= G]).
owner_of(N, Names, S) -> case Names of #{N := A} -> life(A, S); _ -> undefined end.

%% Signals and messages of one sender keep their order, but those that say that it has ended have none among them.
in_order(Messages) ->
    Senders = lists:usort([element(2, M) || M <- Messages]),
    [{Sender, ends_sorted([M || M <- Messages, element(2, M) =:= Sender], [])} || Sender <- Senders].

ends_sorted([{said, _, _} = M | Rest], Ends) -> lists:sort(Ends) ++ [M | ends_sorted(Rest, [])];
ends_sorted([M | Rest], Ends) -> ends_sorted(Rest, [M | Ends]);
ends_sorted([], Ends) -> lists:sort(Ends).

%%% How they are done

%% Starts the actors of a test, under names that no other test has.
prepare() ->
    judge:put_setting(run, judge:fresh()),
    [judge:put_setting({last, A}, 0) || A <- ?ACTORS],
    [ok = start(A) || A <- ?ACTORS],
    ok.

%% Looks at what the actors have left, and ends them.
finish(none) -> end_all(), true;
finish(S = #{values := Values}) ->
    Holds = lists:all(fun(A) -> postcondition(S, {call, ?MODULE, take, [A]}, take(A)) end, maps:keys(Values)),
    end_all(),
    Holds.

end_all() -> [exit(pid(A), kill) || A <- ?ACTORS].

node_of(c) -> node();
node_of(_) -> judge:setting(node).

side(judge) -> node();
side(node) -> judge:setting(node).

%% The names of processes are atoms; those of other tables are any terms.
local_name(A) -> list_to_atom(atom_to_list(A) ++ "_" ++ integer_to_list(judge:setting(run))).
term(Name) -> {Name, judge:setting(run)}.

pid(A) -> judge:setting({pid, A}).
life_of(undefined) -> undefined;
life_of(Pid) when is_pid(Pid) -> judge:setting(Pid);
life_of({Name, _}) -> {name, hd([A || A <- ?ACTORS, local_name(A) =:= Name])}.

call(A, Request) ->
    try gen_server:call({local_name(A), node_of(A)}, Request, 60000)
    catch
        exit:{noproc, _} -> noproc;
        exit:{Reason, _} -> {exit, Reason}
    end.

start(A) ->
    case judge:on(node_of(A), start, [local_name(A)]) of
        taken -> taken;
        Pid ->
            Life = {A, ets:update_counter(judge, {last, A}, 1)},
            judge:put_setting(Pid, Life),
            judge:put_setting({pid, A}, Pid)
    end.

%% Answers the reason that a monitor of the judge got.
stop(A, Reason) -> ended(A, fun(_) -> call(A, {stop, Reason}) end).
kill(A) -> ended(A, fun(Pid) -> exit(Pid, kill), ok end).

ended(A, End) ->
    Ref = monitor(process, {local_name(A), node_of(A)}),
    case End(pid(A)) of
        ok -> receive {'DOWN', Ref, _, _, Reason} -> forgotten(A, Reason) after 60000 -> still_lives end;
        Failure -> demonitor(Ref, [flush]), Failure
    end.

%% The names of global are free a moment after their process has ended.
forgotten(A, Reason) ->
    case judge:setting(kind) of
        sequential ->
            Pid = pid(A),
            Has = fun() -> [N || N <- [n, o], Side <- [judge, node], judge:on(side(Side), owner, [term(N)]) =:= Pid] end,
            case judge:eventually(Has, []) of
                true -> {ended, Reason};
                false -> {ended, Reason, has_names}
            end;
        _ -> {ended, Reason}
    end.

put(A, Value) -> call(A, {put, Value}).
get(A) -> call(A, get).
state(A) -> try sys:get_state({local_name(A), node_of(A)}, 60000) catch exit:{noproc, _} -> noproc; exit:{{noproc, _}, _} -> noproc end.
whereis(A) -> life_of(judge:on(node_of(A), whereis, [local_name(A)])).

%% The call after the cast arrives after it.
add(A, Value) ->
    gen_server:cast({local_name(A), node_of(A)}, {add, Value}),
    case call(A, get) of
        Now when is_integer(Now) -> ok;
        Failure -> Failure
    end.

%% The answer to a link that finds no process has arrived, too: a second link would have no effect before.
link(A, B) ->
    Answer = call(A, {link, pid(B)}),
    ?MODULE:whereis(B),
    Answer.

unlink(A, B) -> call(A, {unlink, pid(B)}).
watch(A, B, pid) -> call(A, {monitor, pid(B)});
watch(A, B, name) -> call(A, {monitor, {local_name(B), node_of(B)}}).
unwatch(A, B) -> call(A, {demonitor, [pid(B), {local_name(B), node_of(B)}]}).
say(A, B, Value) -> call(A, {say, pid(B), Value}).

%% A killed process has ended when the judge knows it, too.
signal(A, B, Reason) ->
    Ref = monitor(process, pid(B)),
    ok = call(A, {signal, pid(B), Reason}),
    case Reason of
        kill ->
            receive {'DOWN', Ref, _, _, _} -> ok end,
            case forgotten(B, killed) of {ended, killed} -> ok; Other -> Other end;
        _ ->
            demonitor(Ref, [flush]),
            ok
    end.

%% Looks at all that has arrived.
take(A) ->
    Taken = judge:fresh(),
    judge:put_setting(Taken, []),
    fun() ->
        Before = judge:setting(Taken),
        All = Before ++ [setelement(2, M, life_of(element(2, M))) || M <- call(A, take)],
        judge:put_setting(Taken, All),
        in_order(All)
    end.

join(A, G) -> call(A, {join, term(G)}).
leave(A, G) -> call(A, {leave, term(G)}).
members(Side, G) -> fun() -> lives(judge:on(side(Side), members, [term(G)])) end.
local(G) -> lives(judge:on(judge:setting(node), local_members, [term(G)])).
claim(A, N) -> call(A, {claim, term(N)}).
release(A, N) -> call(A, {release, term(N)}).
owner(Side, N) -> fun() -> life_of(judge:on(side(Side), owner, [term(N)])) end.
owned(N) -> life_of(judge:on(judge:setting(node), owner, [term(N)])).
enter(A, K) -> call(A, {enter, term(K)}).
quit(A, K) -> call(A, {quit, term(K)}).
lookup(K) -> lives(judge:on(judge:setting(node), lookup, [term(K)])).

lives(Pids) -> lists:sort([life_of(Pid) || Pid <- Pids]).
