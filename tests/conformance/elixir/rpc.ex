defmodule Conformance.Rpc do
  use Conformance

  # The error that a failed call raised there, as it was raised; all other errors unchanged.
  defp call(label, fun), do: attempt(label, fn -> unwrapped(fun) end)

  defp unwrapped(fun) do
    fun.()
  rescue
    error in ErlangError ->
      case error.original do
        {:exception, %{__exception__: true} = raised, _stack} -> raise raised
        {:exception, reason, _stack} -> :erlang.error(reason)
        _ -> reraise error, __STACKTRACE__
      end
  end

  # The same for the items of a multicall.
  defp shown({:error, {:exception, :undef, _stack}}), do: {:error, {%UndefinedFunctionError{}, []}}
  defp shown({:error, {:exception, error, _stack}}), do: {:error, {error, []}}
  defp shown({:error, {:erpc, _} = reason}), do: {:error, {%ErlangError{original: reason}, []}}
  defp shown(result), do: result

  def place(prefix), do: [prefix, node()]
  def raises(message), do: raise(message)
  def throws(value), do: throw(value)
  def exits(reason), do: exit(reason)
  def me, do: self()
  def print(text), do: IO.puts(text)
  def tell(to, message), do: send(to, message)

  # Reports its pid, and returns the next message.
  def waits(to) do
    send(to, self())

    receive do
      message -> message
    end
  end

  def traps(to) do
    Process.flag(:trap_exit, true)
    waits(to)
  end

  # Differs by node.
  def by_node(to) do
    if String.starts_with?(Atom.to_string(node()), "kate"), do: waits(to), else: :here
  end

  def links, do: spawn_link(&forever/0)

  def catches_link(to) do
    me = self()

    spawn_link(fn ->
      Process.flag(:trap_exit, true)
      send(me, :up)

      receive do
        {:EXIT, _, reason} -> send(to, {:normal, reason == :normal})
      end
    end)

    expect(:up)
  end

  scenario "a call returns the result of a function on that node" do
    kate = peer(:kate)
    trace("place", :erpc.call(kate, __MODULE__, :place, [:on]))
    trace("connected", connected_nodes())
    trace("here", :erpc.call(node(), __MODULE__, :place, [:on]))
  end

  scenario "an error of the function is raised at the caller" do
    kate = peer(:kate)
    call("raised", fn -> :erpc.call(kate, __MODULE__, :raises, ["oops"]) end)
    call("here", fn -> :erpc.call(node(), __MODULE__, :raises, ["oops"]) end)
  end

  scenario "a throw of the function reaches the caller unchanged" do
    kate = peer(:kate)
    call("thrown", fn -> :erpc.call(kate, __MODULE__, :throws, [[1, 2]]) end)
    call("thrown", fn -> :erpc.call(kate, __MODULE__, :throws, [:value]) end)
  end

  scenario "an exit of the function exits with exception" do
    kate = peer(:kate)
    for reason <- [:oops, :normal, :kill], do: call("exit", fn -> :erpc.call(kate, __MODULE__, :exits, [reason]) end)
    call("here", fn -> :erpc.call(node(), __MODULE__, :exits, [:oops]) end)
  end

  scenario "an exit signal to the function exits with signal" do
    kate = peer(:kate)
    main = self()

    for reason <- [:shutdown, :kill, {:shutdown, :why}] do
      spawn(fn -> receive(do: (pid -> Process.exit(pid, reason))) end)
      |> then(&send(main, {:killer, &1}))

      {:killer, killer} = expect(:killer)
      call("signal", fn -> :erpc.call(kate, __MODULE__, :waits, [killer]) end)
    end
  end

  scenario "a function that traps exits receives signals" do
    kate = peer(:kate)
    killer = spawn(fn -> receive(do: (pid -> Process.exit(pid, :shutdown))) end)
    trace("killer", killer)
    trace("value", :erpc.call(kate, __MODULE__, :traps, [killer]))
  end

  scenario "a missing function raises undef, and the node goes on" do
    kate = peer(:kate)
    call("no module", fn -> :erpc.call(kate, :nope, :nope, []) end)
    call("no function", fn -> :erpc.call(kate, __MODULE__, :nope, []) end)
    trace("place", :erpc.call(kate, __MODULE__, :place, [:on]))
  end

  scenario "a call ends at its timeout; the function continues" do
    kate = peer(:kate)
    call("late", fn -> :erpc.call(kate, __MODULE__, :waits, [self()], 20) end)
    pid = next()
    trace("runs", pid)
    ref = Process.monitor(pid)
    send(pid, :go)

    receive do
      {:DOWN, ^ref, _, _, reason} -> trace("ended", reason != :noproc)
    end

    trace_nothing("result")
  end

  scenario "a call to an unknown node fails with noconnection" do
    call("nobody", fn -> :erpc.call(unknown_node(), __MODULE__, :me, []) end)
    trace_nothing("message")
  end

  scenario "a call fails with noconnection when it is lost" do
    node = peer(:victim)
    main = self()

    caller =
      spawn(fn ->
        attempt("lost", fn -> :erpc.call(node, __MODULE__, :waits, [main]) end)
        send(main, :done)
      end)

    trace("caller", caller)
    next()
    kill_node(:victim)
    trace_next("then")
  end

  scenario "a node that is not alive can call only itself", alive: false do
    trace("here", :erpc.call(node(), __MODULE__, :place, [:on]))
    call("there", fn -> :erpc.call(:kate@localhost, __MODULE__, :me, []) end)
  end

  scenario "each call runs in a process of its own" do
    kate = peer(:kate)
    trace("main", self())
    trace("one", :erpc.call(kate, __MODULE__, :me, []))
    trace("another", :erpc.call(kate, __MODULE__, :me, []))
    trace("here", :erpc.call(node(), __MODULE__, :me, [], 5000))
  end

  scenario "the function prints at the caller" do
    kate = peer(:kate)
    :erpc.call(kate, __MODULE__, :print, ["from kate"])
    trace("printed", output())
    trace("on kate", output(:kate))
  end

  scenario "processes linked to the function's exit with the call" do
    kate = peer(:kate)
    trace("call", :erpc.call(kate, __MODULE__, :catches_link, [self()]))
    trace("exit", expect(:normal))
    child = :erpc.call(kate, __MODULE__, :links, [])
    trace("child is gone", reason_of(child) != :normal)
  end

  scenario "the function runs on when its caller exits" do
    kate = peer(:kate)
    main = self()
    caller = spawn(fn -> :erpc.call(kate, __MODULE__, :waits, [main]) end)
    trace("caller", caller)
    pid = next()
    trace("runs", pid)
    Process.exit(caller, :kill)
    reason_of(caller)
    ref = Process.monitor(pid)
    send(pid, :go)

    receive do
      {:DOWN, ^ref, _, _, reason} -> trace("ended by itself", reason not in [:noproc, :killed])
    end
  end

  scenario "multicall returns results in the order of the nodes" do
    kate = peer(:kate)
    nodes = [kate, unknown_node(), node(), kate]
    trace("results", Enum.map(:erpc.multicall(nodes, __MODULE__, :place, [:on]), &shown/1))
    trace("none", :erpc.multicall([], __MODULE__, :place, [:on]))
  end

  scenario "multicall returns failures by class" do
    kate = peer(:kate)

    for {function, arg} <- [raises: "oops", throws: :oops, exits: :oops] do
      trace(
        "#{function}",
        Enum.map(:erpc.multicall([kate, node()], __MODULE__, function, [arg]), &shown/1)
      )
    end

    trace("nope", Enum.map(:erpc.multicall([kate], __MODULE__, :nope, []), &shown/1))
  end

  scenario "multicall returns the results within its timeout" do
    kate = peer(:kate)
    Node.connect(kate)
    results = :erpc.multicall([kate, node()], __MODULE__, :by_node, [self()], 200)
    trace("results", Enum.map(results, &shown/1))
    pid = next()
    trace("runs", pid)
    ref = Process.monitor(pid)
    send(pid, :go)

    receive do
      {:DOWN, ^ref, _, _, _} -> :ok
    end

    trace_nothing("result")
  end

  scenario "cast runs the function, and reports no failure" do
    kate = peer(:kate)
    trace("cast", :erpc.cast(kate, __MODULE__, :tell, [self(), :hi]))
    trace_next("got")
    trace("undef", :erpc.cast(kate, __MODULE__, :nope, []))
    trace("exits", :erpc.cast(kate, __MODULE__, :exits, [:oops]))
    trace("nobody", :erpc.cast(unknown_node(), __MODULE__, :tell, [self(), :hi]))
    trace("place", :erpc.call(kate, __MODULE__, :place, [:on]))
    trace_nothing("more")
  end

  scenario "multicast runs the function on each of the nodes" do
    kate = peer(:kate)
    trace("cast", :erpc.multicast([kate, unknown_node(), node()], __MODULE__, :tell, [self(), :hi]))
    for n <- 1..2, do: trace_next("got #{n}")
    trace_nothing("more")
  end

  scenario "an invalid timeout is rejected, and nothing is sent" do
    kate = peer(:kate)
    for timeout <- [-1, :soon] do
      attempt("refused", fn ->
        try do
          :erpc.call(kate, __MODULE__, :tell, [self(), :hi], timeout)
        rescue
          error in ErlangError ->
            {:erpc, reason} = error.original
            :erlang.error(reason)
        end
      end)
    end

    trace("connected", connected_nodes())
    trace_nothing("told")
  end
end
