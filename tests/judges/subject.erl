%% The functions by which a judge drives a node of Erlang, as `_subject.ts` has them for a node of this library, and
%% the actor: a server that does what a model says, and keeps all signals and messages that reach it.
-module(subject).
-behaviour(gen_server).
-export([serve/0, start/1, whereis/1, members/1, local_members/1, owner/1, lookup/1, work/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

%% Starts what the node needs; it runs until the node ends.
serve() ->
    Self = self(),
    spawn(fun() ->
        {ok, _} = pg:start_link(),
        {ok, _} = 'Elixir.Registry':start_link([{keys, unique}, {name, keys}]),
        {ok, _} = 'Elixir.Task.Supervisor':start_link([{name, tasks}]),
        Self ! serves,
        receive never -> ok end
    end),
    receive serves -> ok end.

%% Starts an actor; returns its pid, or `taken` if another process has the name.
start(Name) ->
    case gen_server:start({local, Name}, ?MODULE, [], []) of
        {ok, Pid} -> Pid;
        {error, {already_started, _}} -> taken
    end.

whereis(Name) -> erlang:whereis(Name).
members(Group) -> pg:get_members(Group).
local_members(Group) -> pg:get_local_members(Group).
owner(Name) -> global:whereis_name(Name).

%% The processes that have a key of the registry.
lookup(Key) -> [Pid || {Pid, _} <- 'Elixir.Registry':lookup(keys, Key)].

%% A task: does what it is told.
work() ->
    receive
        {return, Value} -> Value;
        {exit, Reason} -> exit(Reason);
        raise -> error('Elixir.RuntimeError':exception(<<"oops">>))
    end.

init([]) ->
    process_flag(trap_exit, true),
    put(box, []),
    put(refs, #{}),
    {ok, 0}.

handle_call({put, Value}, _, State) -> {reply, State, Value};
handle_call(get, _, State) -> {reply, State, State};
handle_call({stop, Reason}, _, State) -> {stop, Reason, ok, State};
handle_call(Request, _, State) -> {reply, act(Request), State}.

handle_cast({add, Value}, State) -> {noreply, State + Value}.

handle_info({said, From, Value}, State) -> keep({said, From, Value}, State);
handle_info({'EXIT', From, Reason}, State) -> keep({exit, From, Reason}, State);
handle_info({'DOWN', Ref, process, Object, Reason}, State) ->
    put(refs, maps:remove(Ref, get(refs))),
    keep({down, Object, Reason}, State).

keep(Message, State) ->
    put(box, [Message | get(box)]),
    {noreply, State}.

act({link, Pid}) -> link(Pid), ok;
act({unlink, Pid}) -> unlink(Pid), ok;
act({monitor, Object}) -> put(refs, (get(refs))#{monitor(process, Object) => Object}), ok;
act({demonitor, Objects}) ->
    Refs = [Ref || {Ref, Object} <- maps:to_list(get(refs)), lists:member(Object, Objects)],
    [demonitor(Ref) || Ref <- Refs],
    put(refs, maps:without(Refs, get(refs))),
    ok;
act({signal, Pid, Reason}) -> exit(Pid, Reason), ok;
act({say, Pid, Value}) -> Pid ! {said, self(), Value}, ok;
act(take) -> lists:reverse(put(box, []));
act({join, Group}) -> pg:join(Group, self());
act({leave, Group}) -> pg:leave(Group, self());
act({claim, Name}) -> global:register_name(Name, self());
act({release, Name}) -> global:unregister_name(Name), ok;
act({enter, Key}) ->
    case 'Elixir.Registry':register(keys, Key, nil) of
        {ok, _} -> ok;
        {error, {already_registered, _}} -> taken
    end;
act({quit, Key}) -> 'Elixir.Registry':unregister(keys, Key).
