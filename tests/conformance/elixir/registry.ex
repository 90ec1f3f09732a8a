defmodule Conformance.Registry do
  use Conformance
  use GenServer

  @registry Conformance.R
  @partition Conformance.R.PIDPartition0

  defp start(keys, options \\ []) do
    {:ok, pid} = Registry.start_link([keys: keys, name: @registry] ++ options)
    pid
  end

  defp register(key, value \\ nil), do: Registry.register(@registry, key, value)
  defp unregister(key), do: Registry.unregister(@registry, key)
  defp entries(key), do: pairs(Registry.lookup(@registry, key))
  defp pairs(entries), do: for({pid, value} <- entries, do: [pid, value])
  defp keys(pid), do: Enum.sort(Registry.keys(@registry, pid))

  # A process that has run the function; it forwards its messages.
  defp having(fun, trap \\ false) do
    main = self()

    pid =
      spawn(fn ->
        Process.flag(:trap_exit, trap)
        send(main, {:done, fun.()})
        for _ <- Stream.cycle([1]), do: send(main, {:heard, next(60_000)})
      end)

    {:done, value} = expect(:done)
    {pid, value}
  end

  defp crash do
    pid = Process.whereis(@partition)
    Process.exit(pid, :kill)
    wait_for_another(pid)
  end

  defp wait_for_another(pid) do
    if Process.whereis(@partition) in [pid, nil] do
      Process.sleep(1)
      wait_for_another(pid)
    end
  end

  @impl true
  def init(state), do: {:ok, state}

  @impl true
  def handle_call(:get, _from, state), do: {:reply, state, state}

  scenario "a unique key is refused while its process is alive" do
    start(:unique)
    {pid, result} = having(fn -> register("key", 1) end)
    trace("first", [pid, result])
    trace("second", register("key", 2))
    {_, again} = having(fn -> [register("other", 1), register("other", 2)] end)
    trace("its own", again)
    trace("entries", entries("key"))
    Process.exit(pid, :kill)
    reason_of(pid)
    trace("free", register("key", 2))
    trace("entries", entries("key"))
  end

  scenario "a duplicate key has all its registrations" do
    start(:duplicate)
    trace("ok", register("key", 1))
    register("key", 2)
    register("other", 3)
    {pid, _} = having(fn -> register("key", 4) end)
    trace("entries", entries("key"))
    trace("keys", keys(self()))
    trace("values", Registry.values(@registry, "key", self()))
    trace("its values", Registry.values(@registry, "key", pid))
    trace("none", Registry.values(@registry, "nothing", pid))
    trace("count", Registry.count(@registry))
  end

  scenario "keys are compared by value" do
    start(:unique)
    pid = self()
    keys = ["a", :a, 1, ["a", 1], ["a", ["b"]], %{a: 1, b: [2]}, pid, true, nil]
    for key <- keys, do: trace("registered", elem(register(key), 0))
    same = ["a", :a, 1, ["a", 1], ["a", ["b"]], Map.new(b: [2], a: 1), pid, true, nil]
    for key <- same, do: trace("same", elem(register(key), 0))

    for key <- ["b", :b, 2, [1, "a"], ["a", "b"], %{a: 1}, [pid], false, []] do
      trace("other", Registry.lookup(@registry, key))
    end
  end

  scenario "unregister removes the caller's registrations only" do
    start(:duplicate)
    {pid, _} = having(fn -> register("key", 1) end)
    for value <- [2, 3], do: register("key", value)
    register("other", 4)
    trace("before", entries("key"))
    trace("unregister", unregister("key"))
    trace("after", entries("key"))
    trace("keys", keys(self()))
    trace("again", unregister("key"))
    trace("its keys", keys(pid))
  end

  scenario "a crash of the registry ends the registered processes" do
    start(:unique)
    {plain, {:ok, owner}} = having(fn -> register("a") end)
    {trapping, _} = having(fn -> register("b") end, true)
    trace("owner", owner == Process.whereis(@partition))
    ref = Process.monitor(plain)
    trace("who", [plain, trapping, owner, ref])
    crash()
    trace("plain", expect(:DOWN))
    trace("trapping", expect(:heard))
    trace("alive", Process.alive?(trapping))
    trace("count", Registry.count(@registry))
    trace("again", elem(register("b"), 0))
  end

  scenario "a process that is not registered survives its crash" do
    start(:unique)
    {holder, _} = having(fn -> register("a") end)

    {one_left, _} =
      having(fn ->
        register("b")
        register("c")
        unregister("b")
      end)

    {none_left, _} =
      having(fn ->
        register("d")
        unregister("d")
      end)

    {refused, _} = having(fn -> register("a") end)
    refs = for pid <- [holder, one_left], do: Process.monitor(pid)
    crash()
    for ref <- refs, do: trace("down", receive(do: ({:DOWN, ^ref, _, _, reason} -> reason)))
    for pid <- [none_left, refused], do: trace("alive", Process.alive?(pid))
  end

  scenario "its exit ends the registered processes, and its name" do
    start(:unique)
    {pid, _} = having(fn -> register("key") end)
    ref = Process.monitor(pid)
    trace("stop", Supervisor.stop(@registry))
    trace("down", receive(do: ({:DOWN, ^ref, _, _, reason} -> reason)))
    attempt("lookup", fn -> Registry.lookup(@registry, "key") end)
    attempt("register", fn -> register("key") end)
    attempt("unregister", fn -> unregister("key") end)
    attempt("keys", fn -> Registry.keys(@registry, self()) end)
    attempt("meta", fn -> Registry.meta(@registry, :key) end)
    attempt("count", fn -> Registry.count(@registry) end)
  end

  scenario "listeners see registrations, but not exits" do
    Process.register(self(), :listener)
    start(:duplicate, listeners: [:listener])

    {pid, _} =
      having(fn ->
        register("key", 1)
        register("key", 2)
        unregister("key")
        unregister("nothing")
        register("last", 3)
      end)

    Process.exit(pid, :kill)
    reason_of(pid)
    for _ <- 1..5, do: trace_next("told")
    trace_nothing("more")
    Process.unregister(:listener)
  end

  scenario "listeners see unregister_match of the last one" do
    Process.register(self(), :listener)
    start(:duplicate, listeners: [:listener])
    for value <- [1, 2, 3], do: register("key", value)
    for _ <- 1..3, do: trace_next("told")
    trace("one", Registry.unregister_match(@registry, "key", 2))
    trace("entries", entries("key"))
    trace("none", Registry.unregister_match(@registry, "key", 9))
    send(self(), :marker)
    trace_next("next")
    trace("all", Registry.unregister_match(@registry, "key", :_))
    trace("entries", entries("key"))
    trace_next("told")
    trace("of nothing", Registry.unregister_match(@registry, "key", 1))
    trace_next("told")
    Process.unregister(:listener)
  end

  scenario "only the process with the key can update its value" do
    start(:unique)
    register("key", 1)

    update = fn key ->
      with {new, old} <- Registry.update_value(@registry, key, &(&1 + 1)), do: [new, old]
    end

    trace("update", update.("key"))
    trace("unknown", update.("other"))
    trace("of another", elem(having(fn -> update.("key") end), 1))
    trace("entries", entries("key"))
    attempt("raises", fn -> Registry.update_value(@registry, "key", fn _ -> raise "mine" end) end)
    trace("entries", entries("key"))
  end

  scenario "functions for unique keys raise for duplicate ones" do
    start(:duplicate)
    register("key", 1)
    attempt("update", fn -> Registry.update_value(@registry, "key", & &1) end)
    attempt("via", fn -> GenServer.whereis({:via, Registry, {@registry, "key"}}) end)

    attempt("start", fn ->
      GenServer.start(__MODULE__, 1, name: {:via, Registry, {@registry, "other"}})
    end)

    attempt("call", fn -> GenServer.call({:via, Registry, {@registry, "key"}}, :get) end)
    attempt("kind", fn -> Registry.start_link(keys: :both, name: Conformance.Other) end)
  end

  scenario "dispatch runs in the caller with all registrations" do
    start(:duplicate)
    {pid, _} = having(fn -> register("key", 1) end)
    register("key", 2)
    trace("who", [self(), pid])

    fun = fn entries ->
      trace("called", [self(), pairs(entries)])
      :value
    end

    trace("nobody", Registry.dispatch(@registry, "nothing", fun))
    trace("result", Registry.dispatch(@registry, "key", fun))
    attempt("raises", fn -> Registry.dispatch(@registry, "key", fn _ -> raise "mine" end) end)
    attempt("throws", fn -> Registry.dispatch(@registry, "key", fn _ -> throw(:mine) end) end)
    Registry.dispatch(@registry, "key", &for({pid, value} <- &1, do: send(pid, {:hello, value})))
    trace("sent", expect(:hello))
    trace("sent", expect(:heard))
    trace_nothing("more")
  end

  scenario "match, select and count use the current registrations" do
    start(:duplicate)
    for value <- [1, 2, 3], do: register("a", value)
    register("b", 2)
    above = [{:>, :"$1", 1}]
    trace("match", pairs(Registry.match(@registry, "a", :"$1", above)))
    trace("count_match", Registry.count_match(@registry, "a", :"$1", above))
    trace("count", Registry.count(@registry))

    select = fn head ->
      Enum.sort(Registry.select(@registry, [{head, [], [[:"$1", :"$2"]]}]))
    end

    trace("all", select.({:"$1", :_, :"$2"}))
    unregister("a")
    trace("left", select.({:"$1", :_, :"$2"}))
    trace("none", Registry.match(@registry, "a", :_))
  end

  scenario "metadata survives a crash" do
    start(:unique, meta: [a: 1])
    trace("a", Registry.meta(@registry, :a))
    trace("unknown", Registry.meta(@registry, :b))
    trace("put", Registry.put_meta(@registry, :b, 2))
    crash()
    trace("a", Registry.meta(@registry, :a))
    trace("b", Registry.meta(@registry, :b))
    trace("delete", Registry.delete_meta(@registry, :a))
    trace("a", Registry.meta(@registry, :a))
  end

  scenario "a server is started and called by a name in it" do
    start(:unique)
    via = {:via, Registry, {@registry, ["room", 1], "value"}}
    same = {:via, Registry, {@registry, ["room", 1]}}
    {:ok, pid} = GenServer.start(__MODULE__, 5, name: via)
    trace("entries", [entries(["room", 1]), pid])
    trace("whereis", [GenServer.whereis(via), GenServer.whereis(same)])
    trace("call", GenServer.call(same, :get))
    trace("taken", GenServer.start(__MODULE__, 6, name: same))
    trace("call", GenServer.call(via, :get))
    trace("stop", GenServer.stop(same))
    trace("whereis", GenServer.whereis(same))

    attempt("call", fn ->
      try do
        GenServer.call(same, :get)
      catch
        :exit, {reason, _} -> exit(reason)
      end
    end)

    {:ok, next} = GenServer.start(__MODULE__, 6, name: same)
    trace("again", [GenServer.call(same, :get), next != pid])
  end

  scenario "a server that fails to register leaves the holder" do
    start(:unique)
    via = {:via, Registry, {@registry, "key"}}
    {:ok, pid} = GenServer.start_link(__MODULE__, 5, name: via)
    trace("taken", GenServer.start_link(__MODULE__, 6, name: via))
    trace("alive", Process.alive?(pid))
    send(self(), :marker)
    trace_next("next")
  end

  scenario "a lock has one holder, and is released if that fails" do
    start(:unique)
    main = self()

    hold = fn name ->
      spawn(fn ->
        Registry.lock(@registry, "door", fn ->
          send(main, {:in, name})
          if expect(:go) == :go, do: send(main, {:out, name})
        end)

        forever()
      end)
    end

    a = hold.("a")
    trace_next("lock")
    b = hold.("b")
    trace_nothing("b waits")
    trace("other", Registry.lock(@registry, "window", fn -> 1 end))
    send(a, :go)
    for _ <- 1..2, do: trace_next("lock")
    c = hold.("c")
    trace_nothing("c waits")
    Process.exit(b, :kill)
    trace_next("lock")
    send(c, :go)
    trace_next("lock")
    attempt("raises", fn -> Registry.lock(@registry, "door", fn -> raise "mine" end) end)
    trace("free", Registry.lock(@registry, "door", fn -> :value end))
    trace("no key", Registry.count(@registry))
  end

  scenario "a start under a registered name fails" do
    pid = start(:unique)
    {other, _} = having(fn -> register("key") end)
    trace("who", [pid, other])
    trace("taken", Registry.start_link(keys: :duplicate, name: @registry))
    trace("unique still", register("key"))
  end

  scenario "count_select counts the entries that match" do
    start(:duplicate)
    for {key, value} <- [a: 1, a: 2, b: 2], do: register(key, value)
    match = fn guard -> Registry.count_select(@registry, [{{:"$1", :_, :"$2"}, guard, [true]}]) end
    trace("all", match.([]))
    trace("of a value", match.([{:==, :"$2", 2}]))
    trace("of a key and a value", match.([{:==, :"$1", :a}, {:==, :"$2", 2}]))
    trace("of none", match.([{:==, :"$2", 3}]))
    unregister(:a)
    trace("after an end", match.([]))
  end
end
