defmodule Conformance.Agent do
  use Conformance

  # The functions that an agent of another node runs.
  def add(state, n), do: state + n
  def take(state, n), do: {state, state - n}
  def tell(state, main), do: send(main, {:state, state}) && state
  def wait(_state, main), do: send(main, :waiting) && forever()
  def started(n), do: start(n, name: :agent)

  defp start(state, options \\ []) do
    {:ok, pid} = Agent.start(fn -> state end, options)
    pid
  end

  # Names are spelled differently in TypeScript: of the exit, only the reason is compared.
  defp failure(fun) do
    fun.()
  catch
    :exit, {reason, {GenServer, :call, _}} -> {:exit, reason}
  end

  scenario "functions run on the state in the agent, in order" do
    agent = start([:a])
    trace("get", Agent.get(agent, & &1))
    trace("update", Agent.update(agent, &(&1 ++ [:b])))
    trace("cast", Agent.cast(agent, &(&1 ++ [:c])))
    trace("get_and_update", Agent.get_and_update(agent, fn [first | rest] -> {first, rest} end))
    trace("get", Agent.get(agent, &{:state, &1, self() == agent}))
    trace("stop", Agent.stop(agent))
    trace("alive", Process.alive?(agent))
  end

  scenario "a function that fails ends the agent and the caller" do
    for fun <- [fn _ -> raise "boom" end, fn _ -> exit(:oops) end, fn _ -> throw(:up) end] do
      agent = start(0)
      trace("monitor", {:monitored, agent, Process.monitor(agent)})
      attempt("get", fn -> Agent.get(agent, fun) end)
      trace_next("down")
      other = start(0)
      trace("monitor", {:monitored, other, Process.monitor(other)})
      trace("cast", Agent.cast(other, fun))
      trace_next("down")
    end
  end

  scenario "get_and_update whose function returns no pair" do
    agent = start(0)
    trace("monitor", {:monitored, agent, Process.monitor(agent)})
    attempt("call", fn -> Agent.get_and_update(agent, fn _ -> :nonsense end) end)
    trace_next("down")
  end

  scenario "a call to a missing agent exits with noproc" do
    agent = start(0)
    Agent.stop(agent)
    attempt("get", fn -> Agent.get(agent, & &1) end)
    attempt("update", fn -> Agent.update(:nobody, & &1, 10) end)
    attempt("get_and_update", fn -> Agent.get_and_update(:nobody, &{&1, &1}, :infinity) end)
    trace("cast", Agent.cast(:nobody, & &1))
    there = {:agent, unknown_node()}
    trace("there", failure(fn -> Agent.get(there, __MODULE__, :wait, [self()], 60_000) end))
  end

  scenario "the function of a call that timed out still runs" do
    agent = start(1)
    main = self()

    Agent.cast(agent, fn n ->
      send(main, {:busy, self()})
      expect(:go)
      n
    end)

    {:busy, pid} = expect(:busy)
    attempt("update", fn -> Agent.get_and_update(agent, &{&1, &1 + 1}, 10) end)
    send(pid, :go)
    trace("get", Agent.get(agent, & &1))
    send(self(), :marker)
    trace_next("next")
  end

  scenario "the first state raises, or the name is taken" do
    Process.flag(:trap_exit, true)
    trace("raises", Agent.start_link(fn -> raise "boom" end, name: :agent))
    trace("exits", Agent.start(fn -> exit(:oops) end))
    agent = start(0, name: :agent)
    trace("agent", agent)
    trace("taken", Agent.start_link(fn -> 1 end, name: :agent))
    trace("slow", Agent.start_link(fn -> forever() end, timeout: 10))
    send(self(), :marker)
    trace_next("mail")
  end

  scenario "it exits with its starter, and ignores messages" do
    main = self()

    starter =
      spawn(fn ->
        {:ok, agent} = Agent.start_link(fn -> 0 end)
        send(main, {:started, agent})
        receive do: (:end -> exit(:oops))
      end)

    {:started, agent} = expect(:started)
    send(agent, :hello)
    trace("get", Agent.get(agent, & &1))
    Process.monitor(agent)
    send(starter, :end)
    trace("down", elem(expect(:DOWN), 4))
  end

  scenario "one on another node runs named functions" do
    agent = on(:kate, :started, [1])
    trace("agent", agent)
    trace("update", Agent.update(agent, __MODULE__, :add, [4]))
    trace("cast", Agent.cast({:agent, node(agent)}, __MODULE__, :add, [5]))
    trace("take", Agent.get_and_update(agent, __MODULE__, :take, [3]))
    trace("tell", Agent.update(agent, __MODULE__, :tell, [self()]))
    trace_next("told")
    main = self()

    spawn(fn ->
      trace("wait", failure(fn -> Agent.get(agent, __MODULE__, :wait, [main]) end))
      send(main, :done)
    end)

    expect(:waiting)
    part(:kate)
    expect(:done)
  end

  scenario "a function that its node does not export",
    difference: [
      row: "undefined-function",
      typescript: ["monitor: monitored(#P1, #R1)", "get: raised(undef)", "down: nothing"],
      mixed: [elixir: ["monitor: monitored(#P1, #R1)", "get: exit(raised(undef))", "down: nothing"]]
    ] do
    agent = on(:kate, :started, [1])
    trace("monitor", {:monitored, agent, Process.monitor(agent)})

    attempt("get", fn ->
      {:exit, reason} = failure(fn -> Agent.get(agent, __MODULE__, :nothing, [1]) end)
      exit(reason)
    end)

    trace_nothing("down")
  end

  scenario "a supervisor restarts it with its first state" do
    main = self()

    init = fn ->
      send(main, :started)
      0
    end

    child = %{id: :agent, start: {Agent, :start_link, [init, [name: :agent]]}}
    {:ok, sup} = Supervisor.start_link([child], strategy: :one_for_one)
    expect(:started)
    Agent.update(:agent, fn _ -> 1 end)
    trace("get", Agent.get(:agent, & &1))
    Agent.cast(:agent, fn _ -> exit(:oops) end)
    expect(:started)
    trace("count", Supervisor.count_children(sup).active)
    trace("get", Agent.get(:agent, & &1))
    trace("stop", Supervisor.stop(sup))
  end
end
