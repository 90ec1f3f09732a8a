defmodule Conformance.Task do
  use Conformance
  import Conformance.Tasks

  # async and await

  scenario "returns its value, and leaves no message and no link" do
    task = Task.async(fn -> {:ok, self()} end)
    trace("task", [task.pid, task.owner == self()])
    trace("value", Task.await(task))
    trace("again", reason_of(task.pid) in [:normal, :noproc])
    trace("links", Process.info(self(), :links) |> elem(1))
    send(self(), :marker)
    trace_next("mail")
  end

  scenario "an exit exits the awaiting process, with the call" do
    Process.flag(:trap_exit, true)
    task = Task.async(fn -> exit(:oops) end)
    trace("task", task.pid)
    attempt("await", fn -> Task.await(task) end)
    trace_next("mail")
  end

  scenario "a throw exits with nocatch" do
    Process.flag(:trap_exit, true)
    task = Task.async(fn -> throw(:ball) end)
    trace("task", task.pid)
    attempt("await", fn -> Task.await(task, :infinity) end)
    trace_next("mail")
  end

  scenario "a raised error is the exit reason" do
    Process.flag(:trap_exit, true)
    task = Task.async(fn -> raise "no" end)
    trace("task", task.pid)
    attempt("yield", fn -> Task.yield(task) end)
    trace_next("mail")
  end

  scenario "a crash ends an owner that does not trap exits" do
    trace("reason", reason_when(fn -> Task.await(Task.async(fn -> exit(:oops) end)) end))
  end

  scenario "a killed owner ends it" do
    main = self()
    owner = owner(fn -> Task.async(fn -> endless(main) end) end)
    ref = Process.monitor(started())
    Process.exit(owner, :kill)
    trace("reason", down(ref))
  end

  scenario "an owner that exits normally does not end it" do
    main = self()
    owner = owner(fn -> Task.async(fn -> obedient(main) end) end)
    task = started()
    send(owner, {:exit, :normal})
    reason_of(owner)
    ref = Process.monitor(task)
    send(task, {:give, 1})
    trace("reason", down(ref))
  end

  scenario "a timeout ends the wait; the task runs on" do
    main = self()
    task = Task.async(fn -> obedient(main) end)
    trace("task", [task.pid, started()])
    attempt("await", fn -> Task.await(task, 10) end)
    ref = Process.monitor(task.pid)
    send(task.pid, {:give, :late})
    trace("reason", down(ref))
    send(self(), :marker)
    trace_next("mail")
  end

  scenario "an exit by timeout that is not caught ends the task" do
    main = self()
    pid = spawn(fn -> Task.await(Task.async(fn -> endless(main) end), 10) end)
    ref = Process.monitor(pid)
    task = Process.monitor(started())
    {owner_reason, _} = down(ref)
    {task_reason, _} = down(task)
    trace("reasons", [owner_reason, task_reason])
  end

  scenario "a reply or exit that is not awaited is a message" do
    task = Task.async(fn -> :done end)
    trace("task", [task.pid, task.ref])
    trace_next("got")
    trace_next("got")
  end

  scenario "a reply that was received is not awaited again" do
    task = Task.async(fn -> :done end)
    trace("ref", task.ref)
    trace_next("got")
    trace("end", expect(:DOWN) |> elem(4))
    attempt("await", fn -> Task.await(task, 10) end)
  end

  scenario "yield returns an exit after the received reply" do
    task = Task.async(fn -> :done end)
    trace("ref", task.ref)
    trace_next("got")
    trace("yield", Task.yield(task))
    trace("again", Task.yield(task, 10))
  end

  scenario "is awaited once" do
    task = Task.async(fn -> :done end)
    trace("await", Task.await(task))
    attempt("again", fn -> Task.await(task, 10) end)
    trace("yield", Task.yield(task, 10))
    trace("ignore", Task.ignore(task))
    trace("shutdown", Task.shutdown(task))
  end

  scenario "await leaves other messages" do
    send(self(), :first)
    trace("await", Task.await(Task.async(fn -> :done end)))
    trace_next("mail")
  end

  scenario "is awaited only by its owner" do
    task = Task.async(fn -> forever() end)

    other =
      Task.async(fn ->
        attempt("await", fn -> Task.await(task) end)
        attempt("yield", fn -> Task.yield(task) end)
        attempt("shutdown", fn -> Task.shutdown(task) end)
        attempt("ignore", fn -> Task.ignore(task) end)
        attempt("await_many", fn -> Task.await_many([task]) end)
        attempt("yield_many", fn -> Task.yield_many([task]) end)
      end)

    Task.await(other)
  end

  scenario "invalid timeouts are rejected" do
    task = Task.completed(1)
    attempt("await", fn -> Task.await(task, -1) end)
    attempt("yield", fn -> Task.yield(task, -1) end)
    attempt("await_many", fn -> Task.await_many([task], -1) end)
    attempt("yield_many", fn -> Task.yield_many([task], -1) end)
    trace("await", Task.await(task))
  end

  # yield

  scenario "yield can be called again" do
    main = self()
    task = Task.async(fn -> obedient(main) end)
    trace("yield", Task.yield(task, 0))
    trace("yield", Task.yield(task, 5))
    send(task.pid, {:give, :value})
    trace("yield", Task.yield(task, :infinity))
  end

  scenario "yield returns an exit without a result, normal or not" do
    Process.flag(:trap_exit, true)

    for reason <- [:normal, :shutdown, {:shutdown, :why}, :oops] do
      trace("yield", Task.yield(Task.async(fn -> exit(reason) end)))
    end
  end

  # shutdown and ignore

  scenario "shutdown ends it without a result or an EXIT" do
    Process.flag(:trap_exit, true)
    main = self()

    for how <- [5000, :infinity, :brutal_kill] do
      task = Task.async(fn -> endless(main) end)
      ref = Process.monitor(started())
      trace("shutdown", Task.shutdown(task, how))
      trace("reason", down(ref))
    end

    send(self(), :marker)
    trace_next("mail")
  end

  scenario "shutdown returns the value of a task that obeys" do
    main = self()
    task = Task.async(fn -> trapping(main, :give) end)
    started()
    trace("shutdown", Task.shutdown(task))
  end

  scenario "shutdown returns another reason of the task" do
    main = self()
    task = Task.async(fn -> trapping(main, :other) end)
    started()
    trace("shutdown", Task.shutdown(task))
  end

  scenario "shutdown kills a task that does not exit in time" do
    main = self()
    task = Task.async(fn -> trapping(main, :go_on) end)
    started()
    trace("shutdown", Task.shutdown(task, 10))
  end

  scenario "shutdown returns an earlier result" do
    task = Task.async(fn -> :done end)
    reason_of(task.pid)
    trace("shutdown", Task.shutdown(task))
    trace("again", Task.shutdown(task))
  end

  scenario "shutdown of an exited task returns other reasons" do
    Process.flag(:trap_exit, true)

    for reason <- [:shutdown, :killed, :oops], how <- [5000, :brutal_kill] do
      task = Task.async(fn -> exit(reason) end)
      expect(:EXIT)
      trace("shutdown", Task.shutdown(task, how))
    end
  end

  scenario "ignore unlinks it, and drops its result" do
    main = self()

    owner =
      owner(fn ->
        task = Task.async(fn -> obedient(main) end)
        trace("ignore", Task.ignore(task))
        send(main, {:ignored, task.pid})
      end)

    started()
    {:ignored, task} = expect(:ignored)
    send(owner, {:exit, :oops})
    reason_of(owner)
    ref = Process.monitor(task)
    send(task, {:give, 1})
    trace("reason", down(ref))
  end

  scenario "ignore returns an earlier result" do
    Process.flag(:trap_exit, true)
    done = Task.async(fn -> :done end)
    reason_of(done.pid)
    expect(:EXIT)
    trace("ignore", Task.ignore(done))
    failed = Task.async(fn -> exit(:oops) end)
    reason_of(failed.pid)
    expect(:EXIT)
    trace("ignore", Task.ignore(failed))
    send(self(), :marker)
    trace_next("mail")
  end

  # Several

  scenario "await_many returns values in order, with repetitions" do
    main = self()
    slow = Task.async(fn -> obedient(main) end)
    fast = Task.async(fn -> :fast end)
    reason_of(fast.pid)
    send(slow.pid, {:give, :slow})
    trace("values", Task.await_many([slow, fast, slow, Task.completed(:completed)]))
    trace("none", Task.await_many([]))
  end

  scenario "await_many exits with the first, and leaves the rest" do
    Process.flag(:trap_exit, true)
    main = self()
    slow = Task.async(fn -> endless(main) end)
    started()
    first = Task.async(fn -> exit(:first) end)
    reason_of(first.pid)
    second = Task.async(fn -> exit(:second) end)
    reason_of(second.pid)
    done = Task.async(fn -> :done end)
    reason_of(done.pid)
    trace("tasks", [slow.pid, first.pid, second.pid, done.pid, done.ref])
    attempt("await_many", fn -> Task.await_many([done, second, slow, first]) end)
    for _ <- 1..4, do: trace_next("mail")
    trace("slow", [Process.alive?(slow.pid), Task.yield(slow, 0)])
    send(self(), :marker)
    trace_next("mail")
  end

  scenario "await_many exits at the timeout for all" do
    main = self()
    tasks = [Task.async(fn -> :done end), Task.async(fn -> endless(main) end)]
    attempt("await_many", fn -> Task.await_many(tasks, 20) end)
    trace("alive", Process.alive?(started()))
  end

  scenario "yield_many returns the results in time, not the rest" do
    Process.flag(:trap_exit, true)
    main = self()
    slow = Task.async(fn -> obedient(main) end)
    tasks = [slow, Task.async(fn -> :done end), Task.async(fn -> exit(:oops) end)]
    for %{pid: pid} <- tl(tasks), do: reason_of(pid)
    results = Task.yield_many(tasks, 10)
    trace("results", Enum.map(results, &elem(&1, 1)))
    trace("tasks", Enum.map(results, &elem(&1, 0)) == tasks)
    send(slow.pid, {:give, :slow})
    trace("results", Task.yield_many([slow, slow], :infinity) |> Enum.map(&elem(&1, 1)))
  end

  scenario "yield_many stops at its limit without on_timeout" do
    main = self()
    slow = Task.async(fn -> endless(main) end)
    one = Task.completed(1)
    two = Task.completed(2)
    results = Task.yield_many([slow, two, one], limit: 1, on_timeout: :kill_task)
    trace("results", Enum.map(results, &elem(&1, 1)))
    trace("alive", Process.alive?(slow.pid))
    trace("two", Task.await(two))
  end

  scenario "yield_many kills late tasks, and repeats a task" do
    main = self()
    slow = Task.async(fn -> endless(main) end)
    ref = Process.monitor(started())
    tasks = [slow, Task.completed(1), slow]
    results = Task.yield_many(tasks, timeout: 10, on_timeout: :kill_task)
    trace("results", Enum.map(results, &elem(&1, 1)))
    trace("reason", down(ref))
  end

  scenario "yield_many ignores late tasks" do
    main = self()
    slow = Task.async(fn -> obedient(main) end)
    started()
    results = Task.yield_many([slow], timeout: 10, on_timeout: :ignore)
    trace("results", Enum.map(results, &elem(&1, 1)))
    ref = Process.monitor(slow.pid)
    send(slow.pid, {:give, :late})
    trace("reason", down(ref))
    send(self(), :marker)
    trace_next("mail")
  end

  # Without an owner that awaits

  scenario "a completed task has a result and no process" do
    task = Task.completed(:value)
    trace("task", [task.pid, task.ref])
    trace("await", Task.await(task))
    trace("ignore", Task.ignore(Task.completed(1)))
    trace("shutdown", Task.shutdown(Task.completed(2), :brutal_kill))
    trace("again", Task.shutdown(task))
    Task.completed(3)
    trace_next("mail")
  end

  scenario "start makes no link; start_link links to its caller" do
    main = self()

    owner =
      owner(fn ->
        {:ok, alone} = Task.start(fn -> obedient(main) end)
        {:ok, linked} = Task.start_link(fn -> endless(main) end)
        send(main, {:tasks, alone, linked})
      end)

    {:tasks, alone, linked} = expect(:tasks)
    trace("tasks", [owner, alone, linked])
    trace("links", Process.info(owner, :links) |> elem(1))
    ref = Process.monitor(linked)
    send(owner, {:exit, :oops})
    trace("linked", down(ref))
    ref = Process.monitor(alone)
    send(alone, {:exit, :own})
    trace("alone", down(ref))
  end

  scenario "a task of start or start_link sends no result" do
    main = self()
    {:ok, pid} = Task.start(fn -> obedient(main) end)
    started()
    ref = Process.monitor(pid)
    send(pid, {:give, :nothing})
    trace("reason", down(ref))
    send(self(), :marker)
    trace_next("mail")
  end

  scenario "as a supervisor's child it is temporary" do
    main = self()
    children = [{Task, fn -> obedient(main) end}]
    trace("spec", Task.child_spec(fn -> :ok end).restart)
    {:ok, sup} = Supervisor.start_link(children, strategy: :one_for_one)
    task = started()
    ref = Process.monitor(task)
    send(task, {:exit, :oops})
    trace("reason", down(ref))
    trace("children", Supervisor.which_children(sup))
    Supervisor.stop(sup)
  end

  scenario "knows its callers, the nearest first" do
    main = self()
    trace("main", [main, callers()])

    outer =
      Task.async(fn ->
        trace("outer", [self(), callers()])
        inner = Task.async(fn -> trace("inner", [self(), callers()]) end)
        Task.await(inner)
        {:ok, pid} = Task.start_link(fn -> trace("alone", [self(), callers()]) end)
        reason_of(pid)
        spawn(fn -> send(main, {:spawned, callers()}) end)
      end)

    Task.await(outer)
    trace_next("plain")
  end
end
