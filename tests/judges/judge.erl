%% Checks a node with PropEr: random commands of a model, one after the other or in two processes at once.
%% A model is a module for proper_statem that exports prepare/1 and finish/1, too.
-module(judge).
-export([start/1, verdict/1]).
-export([setting/1, put_setting/2, fresh/0, eventually/2, expect/2, on/3]).

%% The size of the random commands: the half of it is their usual number. It is the same for all tests, so that a seed
%% alone determines the commands.
-define(SIZES, [{start_size, 80}, {max_size, 80}]).

%% Starts a check; returns its reference. Options:
%%   model    the module of the model
%%   kind     sequential; parallel kinds have names of the model's
%%   node     the node that is judged
%%   module   the module of the subject there
%%   times    the number of tests
%%   seed     a number that determines the commands
%%   limit    how long the judge waits for what must happen at last, in milliseconds
start(Options) ->
    {_, Ref} = spawn_monitor(fun() -> exit({verdict, check(Options)}) end),
    Ref.

%% Returns {held, Tests, Commands}, or {failed, Seed, Text} with the seed that begins with the failed test, or `running`.
verdict(Ref) ->
    receive
        {'DOWN', Ref, _, _, {verdict, Verdict}} -> Verdict;
        {'DOWN', Ref, _, _, Reason} -> {failed, 0, text("the judge itself failed: ~p", [Reason])}
    after 5000 -> running
    end.

check(#{model := Model, kind := Kind, times := Times} = Options) ->
    ets:new(?MODULE, [named_table, public]),
    ets:insert(?MODULE, [{commands, 0}, {printed, []}, {failure, none}, {failed_seed, none} | maps:to_list(Options)]),
    Print = fun(Format, Args) -> put_setting(printed, [setting(printed), text(Format, Args)]), ok end,
    case quickcheck(property(Model, Kind), [{numtests, Times}, {on_output, Print} | ?SIZES]) of
        true -> {held, Times, setting(commands)};
        Result ->
            Failure = case setting(failure) of
                none -> [text("PropEr answers ~p~n", [Result]), setting(printed)];
                Text -> Text
            end,
            Seed = case setting(failed_seed) of
                none -> setting(seed) - 1;
                Failed -> Failed
            end,
            {failed, Seed, iolist_to_binary(Failure)}
    end.

%% PropEr 1.4 cannot shrink some parallel commands (it divides by a length of 0). The failure is known by then, as far as it
%% has been shrunk.
quickcheck(Property, Options) ->
    try
        proper:quickcheck(Property, Options)
    catch
        error:badarith:Trace ->
            case lists:keymember(proper_shrink, 1, Trace) andalso setting(failure) =/= none of
                true -> false;
                false -> erlang:raise(error, badarith, Trace)
            end
    end.

%% Debian's package of PropEr has no header, so its macros are written out here.
property(Model, Kind) ->
    % PropEr takes no seed: each test sets its own before it draws the commands.
    Start = proper_types:lazy(fun() -> seed(), Model:initial_state() end),
    Commands = fun(State) ->
        case Kind of
            sequential -> proper_statem:commands(Model, State);
            _ -> proper_types:resize(20, proper_statem:parallel_commands(Model, State))
        end
    end,
    proper:forall(proper_types:bind(Start, Commands, false), fun(Drawn) ->
        put_setting(different, none),
        Model:prepare(),
        {Steps, Result} = run(Model, Kind, Drawn),
        % Without an end, the processes of failed commands are left.
        Failure = {Drawn, Steps, Result, setting(different)},
        proper:whenfail(fun() -> failed(Model, Failure) end, fun() -> Result =:= ok end)
    end).

seed() ->
    Seed = setting(seed),
    put_setting(seed, Seed + 1),
    rand:seed(exsss, Seed).

run(Model, sequential, Drawn) ->
    {History, State, Result} = proper_statem:run_commands(Model, Drawn),
    count(length(History)),
    Steps = [{"", steps(Drawn, History)}],
    case Result of
        ok ->
            case Model:finish(State) of
                true -> {Steps, ok};
                false -> {Steps, "at the end, what is left differs"}
            end;
        _ -> {Steps, Result}
    end;
run(Model, _, {First, Both} = Drawn) ->
    {History, Histories, Result} = proper_statem:run_parallel_commands(Model, Drawn),
    count(length(History) + length(lists:append(Histories))),
    Branches = case Histories of
        [] -> [[{Call, not_run} || {set, _, Call} <- Branch] || Branch <- Both];
        _ -> [[{Call, Answer} || {{set, _, Call}, Answer} <- Branch] || Branch <- Histories]
    end,
    Titles = ["one process", "another process at the same time"],
    Steps = [{"first", steps(First, History)} | lists:zip(Titles, Branches)],
    case Result of
        ok ->
            Model:finish(none),
            {Steps, ok};
        no_possible_interleaving ->
            put_setting(different, none),
            {Steps, "no order of these commands has these answers"};
        _ -> {Steps, Result}
    end.

count(Commands) -> ets:update_counter(?MODULE, commands, Commands).

steps(Drawn, History) ->
    Calls = [Call || {set, _, Call} <- Drawn],
    [{Call, Answer} || {Call, {_, Answer}} <- proper_statem:zip(Calls, History)].

%% Keeps the text of a failure: the first one is of the commands as they were drawn, the last one of the shrunk commands.
failed(Model, {Drawn, Steps, Result, Different}) ->
    case setting(failed_seed) of
        none ->
            put_setting(failed_seed, setting(seed) - 1),
            % Each shorter list of commands that still fails waits for so long, too.
            put_setting(limit, setting(limit) div 10);
        _ -> ok
    end,
    Lines = [[case Title of "" -> ""; _ -> text(" ~ts:~n", [Title]) end,
              [text("  ~p(~ts) -> ~ts~n", [F, lists:join(", ", [text("~0p", [A]) || A <- Args]), answer(Answer)])
               || {{call, _, F, Args}, Answer} <- Part]] || {Title, Part} <- Steps],
    Expected = case Different of
        none -> "";
        {Seen, Wanted} -> text("seen:     ~0p~nexpected: ~0p~n", [Seen, Wanted])
    end,
    put_setting(failure, [text("~ts~n", [Model]), Lines, text("~0p~n", [Result]), Expected, text("as a term: ~0p~n", [Drawn])]).

answer(Fun) when is_function(Fun) -> "(see below)";
answer(Answer) -> text("~0p", [Answer]).

text(Format, Args) -> unicode:characters_to_binary(io_lib:format(Format, Args)).

%% Functions for models.

setting(Key) -> ets:lookup_element(?MODULE, Key, 2).
put_setting(Key, Value) -> ets:insert(?MODULE, {Key, Value}), ok.

%% A number that no other test on these nodes has.
fresh() -> erlang:unique_integer([positive]).

%% Calls a function of the subject of a node.
on(Node, F, Args) ->
    % An error that is planted has a module of its own, on the node that is judged.
    Module = case Node =:= node() of true -> subject; false -> setting(module) end,
    erpc:call(Node, Module, F, Args, 60000).

%% Whether an answer is the expected one.
expect(Same, Same) -> true;
expect(Seen, Expected) -> put_setting(different, {Seen, Expected}), false.

%% Whether a function returns what is expected, at last: what a node does for others is not done when its caller has the
%% answer. Each look asks the node, so that a node that is slow to act is slow to answer, too.
eventually(Look, Expected) ->
    eventually(Look, Expected, 50, erlang:monotonic_time(millisecond) + setting(limit)).

eventually(Look, Expected, Looks, Until) ->
    case Look() of
        Expected -> true;
        Seen ->
            case Looks < 1 andalso erlang:monotonic_time(millisecond) > Until of
                true -> expect(Seen, Expected);
                false -> eventually(Look, Expected, Looks - 1, Until)
            end
    end.
