defmodule Conformance.PartitionSupervisor do
  use Conformance
  import Conformance.Supervision

  @name Conformance.P

  # The Collector of Elixir's documentation, which returns its messages in place of printing them.
  defmodule Collector do
    use GenServer

    def start_link(args), do: GenServer.start_link(__MODULE__, args)
    def init(args), do: {:ok, [args]}
    def handle_call({:collect, msg}, _from, state), do: {:reply, [msg | state], [msg | state]}
    def handle_call(:fail, _from, state), do: exit({:shutdown, state})
    def handle_cast({:collect, msg}, state), do: {:noreply, [msg | state]}
  end

  defp start(child, options) do
    {:ok, sup} = PartitionSupervisor.start_link([name: @name, child_spec: child] ++ options)
    trace("supervisor", sup)
    sup
  end

  defp via(key), do: {:via, PartitionSupervisor, {@name, key}}
  defp collect(key, msg), do: GenServer.call(via(key), {:collect, msg})
  defp pid_of(key), do: GenServer.whereis(via(key))

  defp partitions do
    for {id, pid, type, _} <- Enum.sort(PartitionSupervisor.which_children(@name)), do: [id, pid, type]
  end

  scenario "a key routes to one partition, which keeps its state" do
    start({Collector, :first}, partitions: 3)
    trace("one", collect(1, :hi))
    trace("one", collect(1, :ho))
    trace("two", collect(2, :a))
    trace("two", collect(2, :b))
    trace("cast", GenServer.cast(via(1), {:collect, :cast}))
    trace("one", collect(1, :last))
  end

  scenario "integers route by their absolute value's remainder" do
    start({Collector, :first}, partitions: 3)
    trace("partitions", partitions())
    for key <- [0, 1, 2, 3, 4, -1, -2, -3, 1_000_000_007], do: trace("key", [key, pid_of(key)])
    trace("big", pid_of(12_345_678_901_234_567_890_123) == pid_of(0))
  end

  scenario "equal keys of any kind belong to one partition" do
    start({Collector, :first}, partitions: 4)

    for key <- ["text", [1, "two"], %{a: 1}, self(), make_ref(), nil, true, 1.5] do
      trace("same", [pid_of(key) == pid_of(key), is_pid(pid_of(key))])
    end

    used = for key <- 1..200, do: pid_of("key #{key}")
    trace("all used", length(Enum.uniq(used)))
  end

  scenario "children of dynamic supervisors, by their starter" do
    {:ok, sup} =
      Supervisor.start_link([{PartitionSupervisor, child_spec: DynamicSupervisor, name: @name, partitions: 2}],
        strategy: :one_for_one
      )

    supervisor = {:via, PartitionSupervisor, {@name, self()}}
    {:ok, agent} = DynamicSupervisor.start_child(supervisor, {Agent, fn -> %{} end})
    trace("agent", Agent.get(agent, & &1))
    {:ok, _} = DynamicSupervisor.start_child(supervisor, {Agent, fn -> %{} end})
    counts = for {_, pid, _, _} <- PartitionSupervisor.which_children(@name), do: DynamicSupervisor.count_children(pid).active
    trace("of each", Enum.sort(counts))
    trace("counts", PartitionSupervisor.count_children(@name))
    trace("stopped", Supervisor.stop(sup))
    trace("agent lives", Process.alive?(agent))
  end

  scenario "tasks of task supervisors, by their starter" do
    start(Task.Supervisor, partitions: 2)
    supervisor = {:via, PartitionSupervisor, {@name, self()}}
    task = Task.Supervisor.async(supervisor, fn -> :do_something end)
    trace("task", Task.await(task))
    crash = Task.Supervisor.async_nolink(supervisor, fn -> exit(:oops) end)
    trace("crash", Task.yield(crash))
    trace("stream", Enum.to_list(Task.Supervisor.async_stream(supervisor, [1, 2, 3], &(&1 * 2))))
  end

  scenario "with_arguments receives arguments and partition" do
    start({Collector, :first}, partitions: 3, with_arguments: fn [arg], partition -> [[arg, partition]] end)
    for key <- 0..2, do: trace("state", collect(key, :hi))
  end

  scenario "counts and lists its partitions" do
    start(probe(:a, type: :supervisor), partitions: 2)
    trace("partitions", PartitionSupervisor.partitions(@name))
    trace("children", partitions())
    trace("counts", PartitionSupervisor.count_children(@name))
    trace_all(2)
  end

  scenario "a partition that exits restarts under its number" do
    start(probe(:a), partitions: 2)
    trace("before", partitions())
    pid = pid_of(1)
    send(pid, {:exit, :oops})
    settle(@name, pid)
    trace("after", partitions())
    trace("by key", pid_of(1))
    trace("neighbour", pid_of(0))
    trace_all(3)
  end

  scenario "its strategy may restart all of them" do
    start(probe(:a), partitions: 3, strategy: :one_for_all)
    trace("before", partitions())
    pid = pid_of(1)
    send(pid, {:exit, :oops})
    settle(@name, pid)
    trace("after", partitions())
    trace_all(6)
  end

  scenario "exits after max_restarts" do
    Process.flag(:trap_exit, true)
    sup = start(probe(:a), partitions: 2, max_restarts: 0)
    send(pid_of(1), {:exit, :oops})
    trace_all(2)
    trace_next("exit")
    trace("lives", Process.alive?(sup))
    attempt("partitions", fn -> PartitionSupervisor.partitions(@name) end)
  end

  scenario "a partition that does not start ends the others" do
    Process.flag(:trap_exit, true)

    start =
      PartitionSupervisor.start_link(
        name: @name,
        child_spec: flaky(:a, [2]),
        partitions: 3
      )

    trace("refused", elem(start, 0))
    trace_all(2)
    attempt("partitions", fn -> PartitionSupervisor.partitions(@name) end)
  end

  scenario "the name is taken once" do
    sup = start({Collector, :first}, partitions: 1)
    trace("again", PartitionSupervisor.start_link(name: @name, child_spec: {Collector, :first}, partitions: 1))
    trace("still", GenServer.whereis(@name) == sup)
  end

  scenario "an unknown name fails calls, and drops casts" do
    attempt("partitions", fn -> PartitionSupervisor.partitions(@name) end)
    attempt("whereis", fn -> pid_of(1) end)
    attempt("call", fn -> collect(1, :hi) end)
    trace("cast", GenServer.cast(via(1), {:collect, :hi}))
  end

  scenario "a name of another server has no partitions" do
    {:ok, _} = Agent.start_link(fn -> 0 end, name: @name)
    attempt("partitions", fn -> PartitionSupervisor.partitions(@name) end)
  end

  scenario "resizes between zero and its first number" do
    start(probe(:a), partitions: 3)
    trace("children", partitions())
    trace("was", PartitionSupervisor.resize!(@name, 1))
    trace("children", partitions())
    for key <- 0..2, do: trace("key", [key, pid_of(key)])
    trace("partitions", PartitionSupervisor.partitions(@name))
    trace("counts", PartitionSupervisor.count_children(@name))
    trace("was", PartitionSupervisor.resize!(@name, 1))
    trace("was", PartitionSupervisor.resize!(@name, 3))
    trace("children", partitions())
    attempt("more", fn -> PartitionSupervisor.resize!(@name, 4) end)
    attempt("less", fn -> PartitionSupervisor.resize!(@name, -1) end)
    trace("was", PartitionSupervisor.resize!(@name, 0))
    attempt("none", fn -> pid_of(1) end)
    trace_all(5)
    end_partition_registry()
  end

  scenario "under a name of a registry" do
    {:ok, _} = Registry.start_link(keys: :unique, name: Conformance.R)
    name = {:via, Registry, {Conformance.R, "partitions"}}
    {:ok, sup} = PartitionSupervisor.start_link(name: name, child_spec: {Collector, :first}, partitions: 2)
    trace("supervisor", sup)
    via = {:via, PartitionSupervisor, {name, 1}}
    trace("one", GenServer.call(via, {:collect, :hi}))
    trace("partitions", PartitionSupervisor.partitions(name))
    trace("was", PartitionSupervisor.resize!(name, 1))
    trace("zero", GenServer.call(via, {:collect, :ho}))
    trace("stopped", Supervisor.stop(sup))
    trace("gone", GenServer.whereis(name) == nil)
    end_partition_registry()
  end

  scenario "rejects invalid options" do
    child = {Collector, :first}
    attempt("no name", fn -> PartitionSupervisor.start_link(child_spec: child) end)
    attempt("no child", fn -> PartitionSupervisor.start_link(name: @name) end)

    for count <- [0, -1, 1.5, :many] do
      attempt("partitions", fn ->
        PartitionSupervisor.start_link(name: @name, child_spec: child, partitions: count)
      end)
    end

    attempt("with_arguments", fn ->
      PartitionSupervisor.start_link(name: @name, child_spec: child, with_arguments: :none)
    end)
  end

  scenario "stops with its partitions, last first" do
    start(probe(:a, trap: true), partitions: 2)
    trace("stopped", PartitionSupervisor.stop(@name))
    trace_all(4)
    attempt("again", fn -> PartitionSupervisor.stop(@name) end)
  end
end
