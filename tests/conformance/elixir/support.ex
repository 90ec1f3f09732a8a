defmodule Conformance do
  @moduledoc """
  What scenarios are written with; `../README.md` says how, and `../_scenario.ts` has the same words.
  """

  @tracer Conformance.Tracer
  @main :main@localhost

  defmacro __using__(_options) do
    quote do
      import Conformance
      Module.register_attribute(__MODULE__, :scenarios, accumulate: true)
      @before_compile Conformance
    end
  end

  defmacro __before_compile__(_env) do
    quote do
      def __scenarios__, do: Enum.reverse(@scenarios)
    end
  end

  @doc "Declares a scenario, whose full name begins with its area. Options: `alive: false`, `input: text`."
  defmacro scenario(name, options \\ [], do: block) do
    # As in ExUnit: in a loop, the name is made of its variables, and the block unquotes them.
    quote bind_quoted: [name: name, options: options, block: Macro.escape(block, unquote: true)] do
      name = Conformance.area(__MODULE__) <> ": " <> name
      function = String.to_atom("scenario " <> name)
      @scenarios {name, options, function}
      def unquote(function)(), do: unquote(block)
    end
  end

  @doc "Returns the area of a module: `task_stream` for `Conformance.TaskStream`."
  def area(module), do: module |> Module.split() |> List.last() |> Macro.underscore()

  @doc "Adds a line to the trace, from any process of any node; goes on when it is written."
  def trace(label, term), do: add({:line, label, term})

  @doc "Adds a line without a term."
  def trace(label), do: add({:text, label})

  # Another node gets a line in parts, which it can read whatever its language.
  defp add(line) do
    {tracer, line} =
      if Process.whereis(@tracer),
        do: {@tracer, line},
        else: {{@tracer, @main}, Conformance.Notation.parts(line)}

    ref = make_ref()
    send(tracer, {:trace, self(), ref, line})

    receive do
      {:traced, ^ref} -> :ok
    end
  end

  @doc "The next message, whatever it is; `:nothing` after the timeout."
  def next(timeout \\ 30_000) do
    receive do
      message -> message
    after
      timeout -> :nothing
    end
  end

  @doc "Adds the next message to the trace."
  def trace_next(label), do: trace(label, next())

  # The number of rounds that a marker makes before a scenario concludes that no message
  # comes.
  @rounds 10

  @doc """
  Adds to the trace that no message is on its way, or else the first that came. Markers show it, not
  a time: processes here and on every connected node that end at once, whose DOWNs come behind
  whatever is on the same way; and a node that is dialled behind others.
  """
  def trace_nothing(label) do
    if Node.alive?(), do: Node.ping(unknown_node())
    for _ <- 1..@rounds, do: go_round()
    trace(label, next(0))
  end

  defp go_round do
    marks =
      for node <- [node() | connected_nodes()],
          do: Node.spawn_monitor(node, __MODULE__, :end_at_once, [])

    for {_, ref} <- marks do
      receive do
        {:DOWN, ^ref, _, _, _} -> :ok
      end
    end

    Process.sleep(1)
  end

  @doc "The nodes of the run that this one is connected to: hidden ones too, as those of the other language are."
  def connected_nodes, do: Node.list(:connected)

  @doc "Returns at once: the code of a marker."
  def end_at_once, do: :ok

  @doc "Adds to the trace how a function ends: its value, or what it raises, exits with or throws."
  def attempt(label, fun) do
    outcome =
      try do
        fun.()
      rescue
        error -> {:"$raised", error}
      catch
        :exit, reason -> {:exit, reason}
        :throw, value -> {:throw, value}
      end

    trace(label, outcome)
  end

  @doc "Waits until a process has ended; gives its reason."
  def reason_of(pid) do
    ref = Process.monitor(pid)

    receive do
      {:DOWN, ^ref, _, _, reason} -> reason
    end
  end

  @doc "Waits for a message that is an atom, or a tuple that begins with it; leaves others where they are."
  def expect(tag) do
    receive do
      ^tag -> tag
      message when is_tuple(message) and elem(message, 0) == tag -> message
    end
  end

  @doc "Waits for ever."
  def forever, do: Process.sleep(:infinity)

  @doc "What has been printed to the scenario's group leader, or by what `on` runs on a peer."
  def output, do: Conformance.Peers.output()
  def output(peer), do: Conformance.Peers.output(peer)

  @doc "The node of that name, a process of the operating system; started if it is not up."
  def peer(name), do: Conformance.Peers.ensure(name)

  @doc "Ends the registry of partitions, which Elixir starts when it is first needed, and keeps."
  def end_partition_registry do
    Supervisor.terminate_child(:elixir_sup, PartitionSupervisor.Registry)
    Supervisor.delete_child(:elixir_sup, PartitionSupervisor.Registry)
  end

  @doc "A node that nobody has started."
  def unknown_node, do: :nobody@localhost

  @doc "Kills the operating system's process of a peer."
  def kill_node(name), do: Conformance.Peers.kill(name)

  @doc "Ends the connection to a peer, and waits until both ends have seen it."
  def part(name), do: Conformance.Peers.part(name)

  @doc """
  Runs a function in a new process of a peer, which stays until the scenario ends, and gives what
  it gives. It needs no connection between the nodes and makes none. The function is one of the calling module, by
  name: then peers in TypeScript have it too.
  """
  defmacro on(name, function, args \\ []) do
    quote do
      Conformance.Peers.on(unquote(name), __MODULE__, unquote(function), unquote(args))
    end
  end
end

defmodule Conformance.Notation do
  @moduledoc "How terms are written in a trace; `../_notation.ts` writes the same."

  @doc "The text of a line; numbers pids and references by appearance in the calling process."
  def line({:text, label}), do: label
  def line(parts) when is_list(parts), do: Enum.map_join(parts, &if(is_binary(&1), do: &1, else: show(&1)))
  def line({:line, label, term}), do: "#{label}: #{show(term)}"

  @place <<0>>

  @doc """
  A line for another node, but for the numbers of its pids and references: texts, pids and references, one behind the
  other. So each side writes its own terms, whatever the language of the other.
  """
  def parts(line) do
    Process.put({__MODULE__, :places}, [])
    texts = line |> line() |> String.split(@place)
    places = {__MODULE__, :places} |> Process.delete() |> Enum.reverse()

    texts
    |> Enum.with_index()
    |> Enum.map(fn {text, at} ->
      if rem(at, 2) == 0, do: text, else: Enum.at(places, String.to_integer(text))
    end)
  end

  @tags [:ok, :error, :exit, :throw, :nodeup, :nodedown, :shutdown, :badrpc, :noreply, :reply]

  def show(pid) when is_pid(pid), do: numbered("P", pid)
  def show(ref) when is_reference(ref), do: numbered("R", ref)
  def show(atom) when is_atom(atom), do: atom |> inspect_atom() |> text()
  # A text that reads as another kind of term is quoted.
  def show(binary) when binary in ["", "true", "false", "nil"], do: inspect(binary)

  def show(binary) when is_binary(binary) do
    if binary =~ ~r/^-?\d+(\.\d+)?$/, do: inspect(binary), else: text(binary)
  end

  def show(integer) when is_integer(integer), do: Integer.to_string(integer)

  def show(float) when is_float(float) do
    if float == trunc(float), do: Integer.to_string(trunc(float)), else: Float.to_string(float)
  end

  def show(fun) when is_function(fun), do: "#Function"
  def show(%Task{}), do: "#Task"
  def show(%{__exception__: true} = error), do: raised(error)
  def show(%{__struct__: _} = struct), do: show(Map.from_struct(struct))

  def show(map) when is_map(map) do
    "%{" <> (map |> Enum.map(fn {k, v} -> "#{show(k)}: #{show(v)}" end) |> Enum.sort() |> Enum.join(", ")) <> "}"
  end

  def show(list) when is_list(list) do
    if List.improper?(list), do: "#Improper", else: "[#{join(list)}]"
  end

  def show({:"$raised", error}), do: raised(error)
  def show({:DOWN, ref, :process, object, reason}), do: "DOWN(#{join([ref, object, reason])})"

  def show({reason, {module, function, args}})
      when is_atom(module) and is_atom(function) and is_list(args) do
    "call(#{show(reason)}, #{show(module)}.#{function}(#{join(args)}))"
  end

  def show({ref, value}) when is_reference(ref), do: "reply(#{join([ref, value])})"

  def show({name, node} = pair) when is_atom(name) and is_atom(node) and name not in @tags do
    if node?(node), do: "{#{join([name, node])}}", else: tuple(pair)
  end

  def show({reason, [_ | _] = stack} = pair) do
    if stack?(stack), do: raised(reason), else: tuple(pair)
  end

  def show({%{__exception__: true} = error, []}), do: raised(error)
  def show({{:nocatch, _} = reason, []}), do: raised(reason)
  def show(tuple) when is_tuple(tuple), do: tuple(tuple)
  def show(port) when is_port(port), do: "#Port"

  defp tuple(tuple) do
    case Tuple.to_list(tuple) do
      [tag] when is_atom(tag) -> "{#{show(tag)}}"
      [tag | rest] when is_atom(tag) and tag not in [nil, true, false] -> "#{show(tag)}(#{join(rest)})"
      list -> "{#{join(list)}}"
    end
  end

  defp join(list), do: Enum.map_join(list, ", ", &show/1)

  # Messages of the library's own errors are not compared; those of the scenarios are.
  defp raised(%RuntimeError{message: message}), do: "raised(#{message})"
  defp raised(%ErlangError{original: reason}), do: raised(reason)
  defp raised(%UndefinedFunctionError{}), do: "raised(undef)"
  defp raised(%FunctionClauseError{}), do: "raised(ArgumentError)"
  defp raised(%{__exception__: true, __struct__: struct}), do: "raised(#{show(struct)})"
  defp raised({:nocatch, value}), do: "nocatch(#{show(value)})"
  defp raised(reason) when reason in [:badarg, :noproc, :notalive], do: "raised(ArgumentError)"
  defp raised(reason), do: "raised(#{show(reason)})"

  defp stack?([{module, function, arity, location} | _])
       when is_atom(module) and is_atom(function) and is_list(location),
       do: is_integer(arity) or is_list(arity)

  defp stack?(_), do: false

  defp inspect_atom(atom) do
    case Atom.to_string(atom) do
      "Elixir." <> name -> name
      name -> name
    end
  end

  defp node?(atom), do: atom |> Atom.to_string() |> node_name?()
  defp node_name?(text), do: text =~ ~r/^[a-z][\w-]*@[\w.-]+$/

  defp text(text) do
    if node_name?(text), do: text |> String.split("@") |> hd(), else: String.replace(text, "\n", "\\n")
  end

  defp numbered(kind, key) do
    case Process.get({__MODULE__, :places}) do
      nil ->
        number(kind, key)

      places ->
        Process.put({__MODULE__, :places}, [key | places])
        "#{@place}#{length(places)}#{@place}"
    end
  end

  defp number(kind, key) do
    known = Process.get({__MODULE__, kind}, %{})
    number = Map.get(known, key, map_size(known) + 1)
    Process.put({__MODULE__, kind}, Map.put(known, key, number))
    "##{kind}#{number}"
  end
end

defmodule Conformance.Tracer do
  @moduledoc "The process that writes the trace of one scenario."

  def start do
    {pid, ref} = spawn_monitor(fn -> loop([]) end)
    Process.register(pid, __MODULE__)
    {pid, ref}
  end

  @doc "Ends the trace; gives its lines."
  def stop({pid, monitor}) do
    ref = make_ref()
    send(pid, {:stop, self(), ref})

    receive do
      {:lines, ^ref, lines} ->
        receive do
          {:DOWN, ^monitor, _, _, _} -> lines
        end
    end
  end

  defp loop(lines) do
    receive do
      {:trace, from, ref, line} ->
        lines = [Conformance.Notation.line(line) | lines]
        send(from, {:traced, ref})
        loop(lines)

      {:stop, from, ref} ->
        send(from, {:lines, ref, Enum.reverse(lines)})
    end
  end
end

defmodule Conformance.Peer do
  @moduledoc """
  What peers are told by the main program; `../_peer.ts` has the same functions, so that either controls peers of the
  other language. Their results are the same there.
  """

  @leader Conformance.Leader

  @doc "Prepares a new node."
  def prepare do
    {:ok, _} = Application.ensure_all_started(:elixir)
    :logger.set_primary_config(:level, :none)
    :persistent_term.put(__MODULE__, registered())
  end

  @doc "Runs a function in a process that stays."
  def run(module, function, args), do: run(fn -> apply(module, function, args) end)

  def run(fun) do
    caller = self()
    ref = make_ref()
    leader = Process.whereis(@leader) || start_leader()

    spawn(fn ->
      Process.group_leader(self(), leader)

      result =
        try do
          {:ok, fun.()}
        catch
          kind, reason -> {:failed, kind, reason, __STACKTRACE__}
        end

      send(caller, {ref, result})
      Process.sleep(:infinity)
    end)

    receive do
      {^ref, result} -> result
    end
  end

  defp start_leader do
    caller = self()

    spawn(fn ->
      {:ok, io} = StringIO.open("")
      Process.register(io, @leader)
      send(caller, {:leader, io})
      Process.sleep(:infinity)
    end)

    receive do
      {:leader, io} -> io
    end
  end

  @doc "What `run` has had printed."
  def output do
    case Process.whereis(@leader) do
      nil -> ""
      leader -> leader |> StringIO.contents() |> elem(1)
    end
  end

  @doc "The nodes that it is connected to."
  def connected, do: for(node <- Node.list(:connected), do: to_string(node))

  @doc "Ends what a scenario has left: processes by their group leader. Gives the names that stay."
  def clean(leader) do
    for name <- clean(leader, :persistent_term.get(__MODULE__)), do: Conformance.Notation.show(name)
  end

  def clean(leader, names) do
    leaders = [leader, Process.whereis(@leader)]

    for pid <- Process.list(), pid != self(), of = leader_of(pid), of in leaders do
      Process.exit(pid, :kill)
    end

    if pid = Process.whereis(@leader), do: Process.exit(pid, :kill)
    settle()
    left(names, 4000)
  end

  @doc "Waits until `:global` has met the peers: what it sends in the middle of that connects anew."
  def settle do
    if Node.list() != [] do
      {pid, ref} = spawn_monitor(fn -> :global.sync() end)

      receive do
        {:DOWN, ^ref, _, _, _} -> :ok
      after
        3_000 ->
          Process.exit(pid, :kill)
          receive do: ({:DOWN, ^ref, _, _, _} -> :ok)
      end
    end
  end

  @doc "Ends all connections, and lets `:global` take in what came before; gives those that there were."
  def part_all do
    nodes = Node.list(:connected)
    for node <- nodes, do: Node.disconnect(node)
    :sys.get_state(:global_name_server)
    nodes
  end

  defp leader_of(pid) do
    case Process.info(pid, :group_leader) do
      {:group_leader, leader} -> leader
      nil -> nil
    end
  end

  @doc "The names that are registered, without those that the system starts when it needs them."
  def registered do
    Process.registered() -- [:inet_gethost_native, :inet_gethost_native_sup, :timer_server]
  end

  # The exit of a killed process may end others.
  defp left(names, tries) do
    left = registered() -- names
    for node <- Node.list(:connected), do: Node.disconnect(node)

    if (left == [] and Node.list(:connected) == []) or tries == 0 do
      left
    else
      Process.sleep(5)
      left(names, tries - 1)
    end
  end
end

defmodule Conformance.Peers do
  @moduledoc "The peers of a run, by name, and what the scenario that runs has of them."

  use GenServer

  def start(options), do: GenServer.start(__MODULE__, options, name: __MODULE__)

  def ensure(name), do: call({:ensure, name})
  def kill(name), do: call({:kill, name})
  def output, do: call(:leader) |> StringIO.contents() |> elem(1)
  def output(name), do: control(name, :output, [])
  def clean(leader), do: call({:clean, leader})
  def leader(pid), do: call({:leader, pid})

  def part(name) do
    node = ensure(name)
    Conformance.Peer.settle()
    if node in Node.list(), do: control(name, :settle, [])
    Node.disconnect(node)
    wait_until_parted(name, node, 1)
  end

  # Late messages between the system's own servers connect the nodes again.
  defp wait_until_parted(name, node, tries) do
    here = node in Node.list(:connected)
    there = to_string(node()) in control(name, :connected, [])

    if here or there do
      if rem(tries, 10) == 0, do: Node.disconnect(node)
      Process.sleep(2)
      wait_until_parted(name, node, tries + 1)
    else
      :ok
    end
  end

  def on(name, _module, function, []) when is_function(function), do: result(control(name, :run, [function]))
  def on(name, module, function, args), do: result(control(name, :run, [module, function, args]))

  defp result({:ok, value}), do: value
  defp result({:failed, kind, reason, stack}), do: :erlang.raise(kind, reason, stack)

  @doc "Calls a function of `Conformance.Peer` on a peer, without a connection between the nodes."
  def control(name, function, args) do
    ensure(name)
    tell(call({:control, name}), function, args)
  end

  defp tell(%{pid: pid, language: :elixir}, function, args) do
    :peer.call(pid, Conformance.Peer, function, args, 60_000)
  end

  defp tell(%{pid: pid, language: :typescript}, function, args) do
    Conformance.TypeScriptPeer.call(pid, function, args)
  end

  @doc "A node that is not alive, for scenarios of such."
  def alone(module, function, args) do
    {:ok, pid, _node} = :peer.start(options())
    :peer.call(pid, Conformance.Peer, :prepare, [])
    result = :peer.call(pid, module, function, args, 20_000)
    :peer.stop(pid)
    result
  end

  defp call(request), do: GenServer.call(__MODULE__, request, 20_000)

  @impl true
  def init(_options) do
    # A peer that is killed ends its controlling process.
    Process.flag(:trap_exit, true)
    {:ok, %{peers: %{}, leader: nil, used: false}}
  end

  @doc "Whether the scenario has used a peer."
  def used, do: call(:used)

  @impl true
  def handle_call({:leader, pid}, _from, state), do: {:reply, :ok, %{state | leader: pid, used: false}}
  def handle_call(:used, _from, state), do: {:reply, state.used, state}
  def handle_call(:leader, _from, state), do: {:reply, state.leader, state}

  def handle_call({:ensure, name}, _from, state) do
    state = if state.peers[name], do: state, else: put_in(state.peers[name], start_peer(name))
    {:reply, state.peers[name].node, %{state | used: true}}
  end

  def handle_call({:control, name}, _from, state), do: {:reply, state.peers[name], state}

  def handle_call({:kill, name}, _from, state) do
    {peer, state} = pop_in(state.peers[name])
    ref = Process.monitor(peer.pid)
    System.cmd("kill", ["-9", peer.os_pid])

    receive do
      {:DOWN, ^ref, _, _, _} -> :ok
    after
      30_000 -> raise "the peer #{name} does not die"
    end

    {:reply, :ok, state}
  end

  # A scenario that used no peer has left nothing there.
  def handle_call({:clean, _leader}, _from, %{used: false} = state), do: {:reply, [], state}

  def handle_call({:clean, leader}, _from, state) do
    left =
      for {name, peer} <- state.peers,
          left <- tell(peer, :clean, [leader]),
          do: {left, name}

    part_all(Map.values(state.peers), 2, 100)
    {:reply, left, state}
  end

  # Operations under way while the nodes parted connect them again: wait until none does for
  # a while.
  defp part_all(_peers, quiet, tries) when quiet == 0 or tries == 0, do: :ok

  defp part_all(peers, quiet, tries) do
    there = for peer <- peers, do: tell(peer, :part_all, [])

    if Enum.all?([Conformance.Peer.part_all() | there], &(&1 == [])) do
      Process.sleep(3)
      part_all(peers, quiet - 1, tries - 1)
    else
      part_all(peers, 2, tries - 1)
    end
  end

  @impl true
  def handle_info(_message, state), do: {:noreply, state}

  defp start_peer(name) do
    peer =
      case System.get_env("CONFORMANCE_PEERS") do
        nil ->
          {:ok, pid, node} = :peer.start(Map.merge(options(), %{name: name, host: ~c"localhost"}))
          os_pid = :peer.call(pid, :os, :getpid, [])
          %{language: :elixir, pid: pid, node: node, os_pid: to_string(os_pid)}

        command ->
          node = :"#{name}@localhost"
          {:ok, pid} = Conformance.TypeScriptPeer.start(JSON.decode!(command), node)
          os_pid = Conformance.TypeScriptPeer.os_pid(pid)
          %{language: :typescript, pid: pid, node: node, os_pid: to_string(os_pid)}
      end

    tell(peer, :prepare, [])
    peer
  end

  defp options do
    paths = Enum.flat_map(:code.get_path(), &[~c"-pa", &1])
    cookie = Atom.to_charlist(Node.get_cookie())

    %{
      connection: :standard_io,
      wait_boot: 15_000,
      args:
        [~c"-noinput", ~c"-setcookie", cookie, ~c"-start_epmd", ~c"false"] ++
          [~c"-kernel", ~c"prevent_overlapping_partitions", ~c"false"] ++
          paths
    }
  end
end

defmodule Conformance.TypeScriptPeer do
  @moduledoc "A peer in TypeScript: the port of `../_typescript_peer.ts`, which says what goes over it."

  use GenServer

  def start([program | args], node), do: GenServer.start(__MODULE__, {program, args, node})

  @doc "Calls a function of `../_peer.ts`."
  def call(pid, function, args) do
    case GenServer.call(pid, {:call, function, args}, 20_000) do
      {:ok, value} when function == :run -> {:ok, value}
      {:ok, value} -> value
      {:error, text} -> raise "#{function} in TypeScript: #{text}"
    end
  end

  def os_pid(pid), do: GenServer.call(pid, :os_pid)

  @impl true
  def init({program, args, node}) do
    args = args |> List.insert_at(-2, to_string(node)) |> List.insert_at(-2, to_string(Node.get_cookie()))
    port = Port.open({:spawn_executable, program}, [:binary, :exit_status, packet: 4, args: args])
    {:ok, %{port: port, calls: %{}, last: 0}}
  end

  @impl true
  def handle_call(:os_pid, _from, state) do
    {:os_pid, os_pid} = Port.info(state.port, :os_pid)
    {:reply, os_pid, state}
  end

  def handle_call({:call, function, args}, from, %{last: last} = state) do
    Port.command(state.port, :erlang.term_to_binary({last, function, args}))
    {:noreply, %{state | calls: Map.put(state.calls, last, from), last: last + 1}}
  end

  @impl true
  def handle_info({_port, {:data, packet}}, state) do
    {id, answer} = :erlang.binary_to_term(packet)
    {from, calls} = Map.pop!(state.calls, id)
    GenServer.reply(from, answer)
    {:noreply, %{state | calls: calls}}
  end

  def handle_info({_port, {:exit_status, status}}, state), do: {:stop, {:shutdown, status}, state}
end

defmodule Conformance.Control do
  @moduledoc "Calls of a main node in TypeScript, by way of `../_elixir_peer.ts`."

  @doc "Calls a function of `Conformance.Peer` with arguments, and gives its result, in Erlang's external format."
  def call(function, args) do
    case apply(Conformance.Peer, function, args |> Base.decode64!() |> :erlang.binary_to_term()) do
      {:ok, value} when function == :run -> value
      {:failed, kind, reason, stack} when function == :run -> :erlang.raise(kind, reason, stack)
      value -> value
    end
    |> :erlang.term_to_binary()
    |> Base.encode64()
  end
end

defmodule Conformance.Main do
  @moduledoc "Runs the scenarios, and writes a line of JSON for each."

  @doc "Runs what is named in the file, a name a line; each within so many milliseconds."
  def run(file, timeout) do
    :logger.set_primary_config(:level, :none)
    wanted = file |> File.read!() |> String.split("\n", trim: true)
    {:ok, _} = Conformance.Peers.start([])
    names = Process.registered()

    for {name, options, module, function} <- scenarios(), name in wanted do
      {lines, ms} = timed(fn -> run_one(options, module, function, names, timeout) end)
      peers = options[:alive] != false and Conformance.Peers.used()
      IO.puts("@@" <> encode(%{name: name, lines: lines, ms: ms, peers: peers}))
    end

    System.halt(0)
  end

  @doc "Writes the names of all scenarios."
  def list, do: for({name, _, _, _} <- scenarios(), do: IO.puts("@@" <> encode(%{name: name})))

  defp encode(term), do: term |> JSON.encode!()

  defp timed(fun) do
    started = System.monotonic_time(:millisecond)
    {fun.(), System.monotonic_time(:millisecond) - started}
  end

  defp scenarios do
    folder = :code.which(__MODULE__) |> Path.dirname()

    for beam <- folder |> Path.join("*.beam") |> Path.wildcard() |> Enum.sort(),
        module = beam |> Path.basename(".beam") |> String.to_atom(),
        Code.ensure_loaded?(module) and function_exported?(module, :__scenarios__, 0),
        {name, options, function} <- module.__scenarios__(),
        do: {name, options, module, function}
  end

  defp run_one(options, module, function, names, timeout) do
    if options[:alive] == false do
      Conformance.Peers.alone(__MODULE__, :run_alone, [options, module, function, timeout])
    else
      run_here(options, module, function, timeout, fn leader ->
        for {name, node} <- Conformance.Peers.clean(leader),
            do: "left registered on #{node}: #{name}"
      end)
      |> then(&(&1 ++ left_here(names)))
    end
  end

  defp left_here(names) do
    for name <- Conformance.Peer.registered() -- names,
        do: "left registered: #{Conformance.Notation.show(name)}"
  end

  @doc "Runs a scenario on a node that is not alive."
  def run_alone(options, module, function, timeout) do
    run_here(options, module, function, timeout, fn _leader -> [] end)
  end

  defp run_here(options, module, function, timeout, clean) do
    tracer = Conformance.Tracer.start()
    {:ok, leader} = StringIO.open(options[:input] || "")
    if Process.whereis(Conformance.Peers), do: Conformance.Peers.leader(leader)

    {pid, ref} =
      spawn_monitor(fn ->
        Process.group_leader(self(), leader)
        apply(module, function, [])
      end)

    last =
      receive do
        {:DOWN, ^ref, _, _, :normal} -> []
        {:DOWN, ^ref, _, _, reason} -> ["crashed: #{Conformance.Notation.show(reason)}"]
      after
        timeout ->
          Process.exit(pid, :kill)
          receive do: ({:DOWN, ^ref, _, _, _} -> ["timed out"])
      end

    lines = Conformance.Tracer.stop(tracer) ++ last
    Conformance.Peer.clean(leader, Process.registered())
    left = clean.(leader)
    Process.unlink(leader)
    StringIO.close(leader)
    lines ++ left
  end
end
