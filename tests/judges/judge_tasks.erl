%% Tasks under a Task.Supervisor of the node that is judged: processes of the judge's node start and await them.
-module(judge_tasks).
-export([prepare/0, finish/1, initial_state/0, command/1, precondition/2, next_state/3, postcondition/3]).
-export([start/2, tell/2, result/1, exits/1, shutdown/1, terminate/1, terminate_ended/1, lose_owner/1, children/0]).

-define(TASKS, [r, s, t]).

%% Each task is {async or async_nolink, what has become of it, whether its owner lives}.
initial_state() -> #{}.

command(_) ->
    T = proper_types:oneof(?TASKS),
    Kind = proper_types:oneof([async, async_nolink]),
    What = proper_types:oneof([{return, 7}, {exit, boom}, {exit, normal}, {exit, shutdown}, raise]),
    proper_types:oneof([{call, ?MODULE, F, Args} || {F, Args} <-
        [{start, [T, Kind]}, {start, [T, Kind]}, {start, [T, Kind]}, {tell, [T, What]}, {tell, [T, What]}, {result, [T]},
         {result, [T]}, {exits, [T]}, {shutdown, [T]}, {terminate, [T]}, {terminate_ended, [T]}, {lose_owner, [T]}, {children, []}]]).

precondition(S, {call, _, start, [T, _]}) -> not is_running(T, S);
precondition(S, {call, _, F, [T | _]}) when F =:= tell; F =:= shutdown -> is_running(T, S) andalso has_owner(T, S);
precondition(S, {call, _, terminate, [T]}) -> is_running(T, S);
precondition(S, {call, _, terminate_ended, [T]}) -> is_map_key(T, S) andalso not is_running(T, S);
precondition(S, {call, _, F, [T]}) when F =:= result; F =:= exits; F =:= lose_owner -> has_owner(T, S);
precondition(_, _) -> true.

is_running(T, S) -> case S of #{T := {_, running, _}} -> true; _ -> false end.
has_owner(T, S) -> case S of #{T := {_, _, true}} -> true; _ -> false end.

next_state(S, _, {call, _, start, [T, Kind]}) -> S#{T => {Kind, running, true}};
next_state(S, _, {call, _, tell, [T, {return, Value}]}) -> ends(T, {ok, Value}, S);
next_state(S, _, {call, _, tell, [T, {exit, Reason}]}) -> ends(T, {exit, Reason}, S);
next_state(S, _, {call, _, tell, [T, raise]}) -> ends(T, {exit, raised}, S);
next_state(S, _, {call, _, shutdown, [T]}) -> ends(T, nil, S);
next_state(S, _, {call, _, terminate, [T]}) -> ends(T, {exit, shutdown}, S);
next_state(S, _, {call, _, lose_owner, [T]}) ->
    case S of
        % The link ends the task with its owner.
        #{T := {async, running, _}} -> S#{T := {async, lost, false}};
        #{T := {Kind, Fate, _}} -> S#{T := {Kind, Fate, false}}
    end;
next_state(S, _, _) -> S.

ends(T, Fate, S) ->
    #{T := {Kind, running, Owner}} = S,
    S#{T := {Kind, Fate, Owner}}.

postcondition(S, {call, _, result, [T]}, Look) ->
    #{T := {_, Fate, _}} = S,
    judge:eventually(Look, case Fate of running -> nil; _ -> Fate end);
postcondition(S, {call, _, exits, [T]}, Look) ->
    #{T := {Kind, Fate, _}} = S,
    judge:eventually(Look, case {Kind, Fate} of
        {async_nolink, _} -> [];
        {async, running} -> [];
        {async, {ok, _}} -> [normal];
        {async, {exit, Reason}} -> [Reason];
        % To shut a task down takes its exit signal, too.
        {async, nil} -> []
    end);
postcondition(S, {call, _, children, []}, Look) -> judge:eventually(Look, running(S));
postcondition(_, {call, _, shutdown, _}, Answer) -> judge:expect(Answer, nil);
postcondition(_, {call, _, terminate_ended, _}, Look) -> judge:eventually(Look, {error, not_found});
postcondition(_, _, Answer) -> judge:expect(Answer, ok).

running(S) -> lists:sort([T || T <- ?TASKS, is_running(T, S)]).

%%% How they are done

prepare() -> [judge:put_setting({owner, T}, {none, none}) || T <- ?TASKS], ok.

%% All tasks that the model has running are children; the others are not.
finish(S) ->
    Holds = judge:eventually(children(), running(S)),
    [[exit(Pid, kill) || Pid <- tuple_to_list(judge:setting({owner, T})), is_pid(Pid)] || T <- ?TASKS],
    Holds.

supervisor() -> {tasks, judge:setting(node)}.
owner(T) -> element(1, judge:setting({owner, T})).
pid(T) -> element(2, judge:setting({owner, T})).

start(T, Kind) ->
    Self = self(),
    Supervisor = supervisor(),
    {Owner, Ref} = spawn_monitor(fun() ->
        process_flag(trap_exit, true),
        Task = #{pid := Pid} = 'Elixir.Task.Supervisor':Kind(Supervisor, subject, work, []),
        Self ! {self(), Pid},
        own(Task, [], nil)
    end),
    receive
        {Owner, Pid} ->
            demonitor(Ref, [flush]),
            judge:put_setting({owner, T}, {Owner, Pid});
        {'DOWN', Ref, _, _, Reason} -> {not_started, Reason}
    end.

%% A task's owner: keeps its result and the exit signals of its link.
own(Task, Exits, Result) ->
    receive
        {'EXIT', _, Reason} -> own(Task, Exits ++ [reason(Reason)], Result);
        {From, Ref, result} ->
            Now = case Result of
                nil -> 'Elixir.Task':yield(Task, 0);
                _ -> Result
            end,
            From ! {Ref, case Now of {exit, Reason} -> {exit, reason(Reason)}; _ -> Now end},
            own(Task, Exits, Now);
        {From, Ref, exits} -> From ! {Ref, Exits}, own(Task, Exits, Result);
        {From, Ref, shutdown} -> From ! {Ref, 'Elixir.Task':shutdown(Task, infinity)}, own(Task, Exits, Result)
    end.

%% The texts of errors and their stacks are not the same everywhere.
reason({#{'__struct__' := 'Elixir.RuntimeError'}, Stack}) when is_list(Stack) -> raised;
reason(Reason) -> Reason.

ask(T, What) ->
    Ref = make_ref(),
    owner(T) ! {self(), Ref, What},
    receive {Ref, Answer} -> Answer after 60000 -> no_answer end.

%% The task has ended then.
tell(T, What) ->
    Ref = monitor(process, pid(T)),
    pid(T) ! What,
    receive {'DOWN', Ref, _, _, _} -> ok after 60000 -> lives end.

result(T) -> fun() -> judge:on(judge:setting(node), members, [none]), ask(T, result) end.
exits(T) -> fun() -> judge:on(judge:setting(node), members, [none]), ask(T, exits) end.
shutdown(T) -> ask(T, shutdown).
terminate(T) -> 'Elixir.Task.Supervisor':terminate_child(supervisor(), pid(T)).
terminate_ended(T) -> fun() -> terminate(T) end.

lose_owner(T) ->
    Ref = monitor(process, owner(T)),
    exit(owner(T), kill),
    receive {'DOWN', Ref, _, _, _} -> ok end.

%% The tasks of this test among the children.
children() ->
    fun() ->
        Children = 'Elixir.Task.Supervisor':children(supervisor()),
        lists:sort([T || T <- ?TASKS, lists:member(pid(T), Children)])
    end.
