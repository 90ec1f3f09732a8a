defmodule Conformance.TaskSupervisor do
  use Conformance
  import Conformance.Tasks

  def tell(main), do: send(main, {:told, self(), node(), callers()})
  def give_back(value), do: {:given, value}
  def print(text), do: IO.puts(text)
  def where_is_sup, do: Process.whereis(:sup)
  def is_gone(pid), do: reason_of(pid) in [:noconnection, :noproc]
  def stop_sup, do: Supervisor.stop(:sup)

  def own_tasks(main) do
    sup = {:sup, node(main)}
    linked = Task.Supervisor.async(sup, Conformance.Tasks, :endless, [main])
    nolink = Task.Supervisor.async_nolink(sup, Conformance.Tasks, :endless, [main])
    send(main, {:tasks, linked.pid, nolink.pid})
    forever()
  end

  # Starting

  scenario "a task is linked to its owner and to its supervisor" do
    main = self()
    sup = start_sup()
    task = Task.Supervisor.async(sup, fn -> obedient(main) end)
    trace("task", [main, sup, started(), task.owner == main])
    trace("links", task.pid |> Process.info(:links) |> elem(1) |> Enum.sort())

    trace(
      "own",
      self() |> Process.info(:links) |> elem(1) |> Enum.sort() == Enum.sort([sup, task.pid])
    )

    send(task.pid, {:give, :value})
    trace("value", Task.await(task))
    trace("children", Task.Supervisor.children(sup))
  end

  scenario "a task without a link does not end its owner" do
    main = self()
    sup = start_sup()
    task = Task.Supervisor.async_nolink(sup, fn -> obedient(main) end)
    trace("task", [sup, started()])
    trace("links", task.pid |> Process.info(:links) |> elem(1))
    send(task.pid, {:exit, :oops})
    trace("yield", Task.yield(task))
    send(self(), :marker)
    trace_next("mail")
  end

  scenario "a child is linked only to it, and sends no result" do
    main = self()
    sup = start_sup()
    {:ok, pid} = Task.Supervisor.start_child(sup, fn -> obedient(main) end)
    trace("child", [sup, started() == pid])
    trace("links", pid |> Process.info(:links) |> elem(1))
    ref = Process.monitor(pid)
    send(pid, {:give, :nothing})
    trace("reason", down(ref))
    send(self(), :marker)
    trace_next("mail")
  end

  scenario "a start under a registered name fails" do
    sup = start_sup(name: :sup)
    trace("sup", sup)
    trace("again", Task.Supervisor.start_link(name: :sup))
    trace("value", Task.await(Task.Supervisor.async(:sup, fn -> :by_name end)))
  end

  scenario "invalid limits are rejected" do
    Process.flag(:trap_exit, true)

    for options <- [[max_children: -1], [max_restarts: -1], [max_seconds: 0], [max_seconds: 0.5]] do
      trace("started", starts?(options))
    end
  end

  defp starts?(options) do
    match?({:ok, _}, Task.Supervisor.start_link(options))
  rescue
    _ -> false
  end

  scenario "is a supervisor's child by its name, and permanent" do
    child = {Task.Supervisor, name: :sup}
    spec = Supervisor.child_spec(child, [])
    trace("spec", [spec.id, spec.type, Map.get(spec, :restart, :permanent)])
    {:ok, parent} = Supervisor.start_link([child], strategy: :one_for_one)
    sup = Process.whereis(:sup)
    Process.exit(sup, :kill)
    reason_of(sup)
    [{:sup, again, :supervisor, _}] = Supervisor.which_children(parent)
    trace("again", [again == Process.whereis(:sup), again == sup])
    Supervisor.stop(parent)
  end

  # max_children

  scenario "max_children limits its tasks" do
    main = self()
    sup = start_sup(max_children: 1)
    task = Task.Supervisor.async(sup, fn -> endless(main) end)
    started()

    # Only the class is compared: the texts differ.
    class_of = fn start ->
      try do
        start.()
      rescue
        RuntimeError -> :runtime_error
      end
    end

    trace("async", class_of.(fn -> Task.Supervisor.async(sup, fn -> :ok end) end))
    trace("nolink", class_of.(fn -> Task.Supervisor.async_nolink(sup, fn -> :ok end) end))
    trace("child", Task.Supervisor.start_child(sup, fn -> :ok end))
    Task.shutdown(task)
    trace("again", Task.await(Task.Supervisor.async(sup, fn -> :ok end)))
  end

  scenario "max_children 0 allows no task" do
    sup = start_sup(max_children: 0)
    trace("child", Task.Supervisor.start_child(sup, fn -> :ok end))
    send(self(), :marker)
    trace_next("mail")
  end

  # Missing supervisors and nodes

  scenario "a request to a missing supervisor exits with noproc" do
    kate = peer(:kate)

    for sup <- [:absent, {:absent, kate}] do
      trace("async", why(fn -> Task.Supervisor.async(sup, __MODULE__, :where_is_sup, []) end))
      trace("nolink", why(fn -> Task.Supervisor.async_nolink(sup, __MODULE__, :where_is_sup, []) end))
      trace("child", why(fn -> Task.Supervisor.start_child(sup, __MODULE__, :where_is_sup, []) end))
      trace("children", why(fn -> Task.Supervisor.children(sup) end))
      trace("terminate", why(fn -> Task.Supervisor.terminate_child(sup, self()) end))
    end

    send(self(), :marker)
    trace_next("mail")
  end

  scenario "a request to an unknown node exits with nodedown" do
    sup = {:sup, unknown_node()}
    trace("async", why(fn -> Task.Supervisor.async(sup, __MODULE__, :where_is_sup, []) end))
    trace("child", why(fn -> Task.Supervisor.start_child(sup, __MODULE__, :where_is_sup, []) end))
    trace("children", why(fn -> Task.Supervisor.children(sup) end))
    send(self(), :marker)
    trace_next("mail")
  end

  scenario "a missing function",
    difference: [
      row: "undefined-function",
      typescript: ["task: raised(undef)", "children: []"]
    ] do
    kate = remote_sup(:kate)

    attempt("task", fn ->
      Task.yield(Task.Supervisor.async_nolink(kate, __MODULE__, :no_such_function, []))
    end)

    trace("children", Task.Supervisor.children(kate))
  end

  # Restarts

  scenario "a temporary child does not restart" do
    main = self()
    sup = start_sup()
    {:ok, pid} = Task.Supervisor.start_child(sup, fn -> obedient(main) end)
    trace("started", started() == pid)
    send(pid, {:exit, :oops})
    reason_of(pid)
    trace("children", Task.Supervisor.children(sup))
  end

  scenario "a transient child restarts only after an error" do
    main = self()
    sup = start_sup()

    for reason <- [:normal, :shutdown, {:shutdown, :why}, :oops] do
      {:ok, pid} = Task.Supervisor.start_child(sup, fn -> obedient(main) end, restart: :transient)
      started()
      send(pid, {:exit, reason})
      reason_of(pid)
      trace("children", length(Task.Supervisor.children(sup)))
    end

    trace("again", [started()] == Task.Supervisor.children(sup))
  end

  scenario "a permanent child restarts, also after a normal exit" do
    main = self()
    sup = start_sup()
    {:ok, pid} = Task.Supervisor.start_child(sup, fn -> obedient(main) end, restart: :permanent)
    trace("sup", [sup, started() == pid])
    send(pid, {:give, :value})
    again = started()
    trace("again", [again, again == pid, Task.Supervisor.children(sup) == [again]])

    trace(
      "callers",
      Process.info(again, :dictionary) |> elem(1) |> Keyword.get(:"$callers") == [main]
    )
  end

  scenario "a terminated permanent child does not restart" do
    main = self()
    sup = start_sup()
    {:ok, pid} = Task.Supervisor.start_child(sup, fn -> endless(main) end, restart: :permanent)
    ref = Process.monitor(started())
    trace("terminate", Task.Supervisor.terminate_child(sup, pid))
    trace("reason", down(ref))
    trace("children", Task.Supervisor.children(sup))
    trace("again", Task.Supervisor.terminate_child(sup, pid))
    trace("other", Task.Supervisor.terminate_child(sup, self()))
  end

  scenario "too many restarts end it and its tasks" do
    Process.flag(:trap_exit, true)
    main = self()
    sup = start_sup(max_restarts: 1)
    trace("sup", sup)
    task = Task.Supervisor.async_nolink(sup, fn -> endless(main) end)
    started()
    {:ok, pid} = Task.Supervisor.start_child(sup, fn -> obedient(main) end, restart: :permanent)
    trace("child", [started() == pid])
    send(pid, {:exit, :oops})
    send(started(), {:exit, :oops})
    trace("task", Task.yield(task))
    trace_next("got")
  end

  scenario "three restarts are allowed, and a fourth is not" do
    Process.flag(:trap_exit, true)
    main = self()
    sup = start_sup()
    trace("sup", sup)
    Task.Supervisor.start_child(sup, fn -> obedient(main) end, restart: :transient)

    for n <- 1..4 do
      pid = started()
      send(pid, {:exit, :oops})
      trace("restart", n)
    end

    trace_next("got")
  end

  # The exit of a supervisor

  scenario "terminates its tasks according to their shutdown" do
    Process.flag(:trap_exit, true)
    main = self()
    sup = start_sup()

    refs =
      for {fun, shutdown} <- [
            {fn -> endless(main) end, 5000},
            {fn -> trapping(main, :own) end, 5000},
            {fn -> trapping(main, :go_on) end, 10},
            {fn -> trapping(main, :go_on) end, :brutal_kill}
          ] do
        Task.Supervisor.start_child(sup, fun, shutdown: shutdown)
        Process.monitor(started())
      end

    trace("stop", Supervisor.stop(sup))
    trace("reasons", Enum.map(refs, &down/1))
  end

  scenario "terminate_child ends a child according to its shutdown" do
    main = self()
    sup = start_sup()
    {:ok, own} = Task.Supervisor.start_child(sup, fn -> trapping(main, :own) end)
    ref = Process.monitor(started())
    trace("terminate", Task.Supervisor.terminate_child(sup, own))
    trace("reason", down(ref))

    {:ok, stubborn} =
      Task.Supervisor.start_child(sup, fn -> trapping(main, :go_on) end, shutdown: 10)

    ref = Process.monitor(started())
    trace("terminate", Task.Supervisor.terminate_child(sup, stubborn))
    trace("reason", down(ref))
  end

  scenario "a killed supervisor ends all its tasks" do
    Process.flag(:trap_exit, true)
    main = self()
    sup = start_sup()
    linked = Task.Supervisor.async(sup, fn -> endless(main) end)
    trace("sup", [sup, started()])
    nolink = Task.Supervisor.async_nolink(sup, fn -> endless(main) end)
    started()
    {:ok, child} = Task.Supervisor.start_child(sup, fn -> endless(main) end)
    ref = Process.monitor(child)
    started()
    Process.exit(sup, :kill)
    attempt("linked", fn -> Task.await(linked) end)
    trace("nolink", Task.yield(nolink))
    trace("child", down(ref))
    exits = [expect(:EXIT), expect(:EXIT)]

    trace(
      "exits",
      for(pid <- [sup, linked.pid], do: for({:EXIT, ^pid, reason} <- exits, do: reason))
    )
  end

  # The exit of an owner

  scenario "a killed owner ends the linked task, and no other" do
    main = self()
    sup = start_sup()

    owner =
      owner(fn ->
        linked = Task.Supervisor.async(sup, fn -> endless(main) end)
        nolink = Task.Supervisor.async_nolink(sup, fn -> obedient(main) end)
        {:ok, child} = Task.Supervisor.start_child(sup, fn -> endless(main) end)
        send(main, {:tasks, linked.pid, nolink.pid, child})
      end)

    for _ <- 1..3, do: started()
    {:tasks, linked, nolink, child} = expect(:tasks)
    ref = Process.monitor(linked)
    Process.exit(owner, :kill)
    trace("linked", down(ref))
    trace("children", Enum.sort(Task.Supervisor.children(sup)) == Enum.sort([nolink, child]))
    ref = Process.monitor(nolink)
    send(nolink, {:give, :late})
    trace("nolink", down(ref))
  end

  # On another node

  scenario "a task runs on its node, with the owner as caller" do
    kate = remote_sup(:kate)
    main = self()

    outer =
      Task.async(fn ->
        trace("outer", [main, self()])
        task = Task.Supervisor.async(kate, __MODULE__, :tell, [main])
        Task.await(task)
        {:ok, _} = Task.Supervisor.start_child(kate, __MODULE__, :tell, [main])
        :ok
      end)

    Task.await(outer)
    trace_next("told")
    trace_next("told")
  end

  scenario "a task's ancestors are pids, even of named processes" do
    main = self()
    sup = start_sup(name: :sup)
    trace("pids", [main, sup])
    ancestors = fn -> Process.get(:"$ancestors") end
    trace("supervised", Task.await(Task.Supervisor.async(sup, ancestors)))
    Process.register(main, :starter)
    trace("alone", Task.await(Task.async(ancestors)))
    Process.unregister(:starter)
  end

  scenario "a task prints on its supervisor's node" do
    kate = remote_sup(:kate)
    Task.await(Task.Supervisor.async(kate, __MODULE__, :print, ["hello"]))
    trace("here", output())
    trace("there", output(:kate))
  end

  scenario "a supervisor on another node is reached by its pid" do
    remote_sup(:kate)
    pid = on(:kate, :where_is_sup)
    task = Task.Supervisor.async(pid, __MODULE__, :give_back, [1])
    trace("node", node(task.pid))
    trace("value", Task.await(task))
  end

  scenario "a crash on another node ends a linked owner" do
    kate = remote_sup(:kate)
    main = self()
    owner = owner(fn -> Task.Supervisor.async(kate, Conformance.Tasks, :obedient, [main]) end)
    ref = Process.monitor(owner)
    send(started(), {:exit, :oops})
    trace("owner", down(ref))
    task = Task.Supervisor.async_nolink(kate, Conformance.Tasks, :obedient, [main])
    send(started(), {:throw, :ball})
    attempt("await", fn -> Task.await(task) end)
  end

  scenario "a late reply from another node is dropped" do
    kate = remote_sup(:kate)
    task = Task.Supervisor.async_nolink(kate, Conformance.Tasks, :obedient, [self()])
    trace("task", started() == task.pid)
    attempt("await", fn -> Task.await(task, 10) end)
    ref = Process.monitor(task.pid)
    send(task.pid, {:give, :late})
    trace("reason", down(ref))
    send(self(), :marker)
    trace_next("mail")
  end

  scenario "shutdown and ignore of a task on another node" do
    kate = remote_sup(:kate)
    main = self()
    task = Task.Supervisor.async(kate, Conformance.Tasks, :endless, [main])
    ref = Process.monitor(started())
    trace("shutdown", Task.shutdown(task))
    trace("reason", down(ref))
    task = Task.Supervisor.async(kate, Conformance.Tasks, :trapping, [main, :give])
    started()
    trace("shutdown", Task.shutdown(task))
    task = Task.Supervisor.async(kate, Conformance.Tasks, :obedient, [main])
    ref = Process.monitor(started())
    trace("ignore", Task.ignore(task))
    send(task.pid, {:give, 1})
    trace("reason", down(ref))
    send(self(), :marker)
    trace_next("mail")
  end

  scenario "a lost connection exits each wait with nodedown" do
    kate = remote_sup(:kate)
    main = self()

    tasks =
      for _ <- 1..6, do: Task.Supervisor.async_nolink(kate, Conformance.Tasks, :endless, [main])

    for _ <- tasks, do: started()
    part(:kate)
    [await, yield, shutdown, ignore, many, yields] = tasks
    attempt("await", fn -> Task.await(await) end)
    attempt("yield", fn -> Task.yield(yield) end)
    trace("shutdown", why(fn -> Task.shutdown(shutdown) end))
    attempt("ignore", fn -> Task.ignore(ignore) end)
    attempt("await_many", fn -> Task.await_many([many]) end)
    attempt("yield_many", fn -> Task.yield_many([yields]) end)
  end

  scenario "a lost connection ends linked tasks and owners only" do
    kate = remote_sup(:kate)
    main = self()

    owner =
      owner(fn ->
        linked = Task.Supervisor.async(kate, Conformance.Tasks, :endless, [main])
        nolink = Task.Supervisor.async_nolink(kate, Conformance.Tasks, :endless, [main])
        send(main, {:tasks, linked.pid, nolink.pid})
      end)

    ref = Process.monitor(owner)
    started()
    started()
    {:tasks, linked, nolink} = expect(:tasks)
    part(:kate)
    trace("owner", down(ref))
    trace("linked", on(:kate, :is_gone, [linked]))
    trace("left", Task.Supervisor.children(kate) == [nolink])
  end

  scenario "the kill of an owner's node ends linked tasks only" do
    victim = peer(:victim)
    Node.ping(victim)
    sup = start_sup(name: :sup)
    Node.spawn(victim, __MODULE__, :own_tasks, [self()])
    {:tasks, linked, nolink} = expect(:tasks)
    ref = Process.monitor(linked)
    kill_node(:victim)
    trace("linked", down(ref))
    trace("left", Task.Supervisor.children(sup) == [nolink])
  end

  scenario "a stopped supervisor elsewhere shuts its tasks down" do
    kate = remote_sup(:kate)
    main = self()
    task = Task.Supervisor.async_nolink(kate, Conformance.Tasks, :obedient, [main])
    started()
    on(:kate, :stop_sup)
    trace("yield", Task.yield(task))
    trace("again", why(fn -> Task.Supervisor.async(kate, __MODULE__, :give_back, [1]) end))
  end
end
