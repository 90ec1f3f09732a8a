defmodule Conformance.TaskStream do
  use Conformance
  import Conformance.Tasks

  # A source that reports each element that is taken, and its close.
  defp source(values) do
    Stream.resource(
      fn -> values end,
      fn
        [] ->
          {:halt, []}

        [value | rest] ->
          trace("pull", value)
          {[value], rest}
      end,
      fn _ -> trace("closed") end
    )
  end

  # One and two, with a call before two.
  defp before_two(fun) do
    Stream.map([1, 2], fn
      1 ->
        1

      2 ->
        fun.()
        2
    end)
  end

  # The first returns at once; the others report their pid, and do as requested.
  def first_or_obedient(1, _main), do: 1
  def first_or_obedient(_value, main), do: obedient(main)

  def tell(value, main) do
    send(main, {:told, value, node(), callers()})
    value
  end

  # Reports its number, and returns it on request.
  defp numbered(n, main) do
    send(main, {:number, n, self()})
    expect(:go)
    n
  end

  # Lets tasks go on, each when the one before has ended.
  defp release(order) do
    tasks =
      for _ <- order, into: %{} do
        {:number, n, pid} = expect(:number)
        {n, pid}
      end

    for n <- order do
      ref = Process.monitor(tasks[n])
      send(tasks[n], :go)
      down(ref)
    end
  end

  defp links, do: self() |> Process.info(:links) |> elem(1)

  # An iteration that stops after the first result, and the way to leave it.
  defp first(stream) do
    {:suspended, result, continue} =
      Enumerable.reduce(stream, {:cont, nil}, fn result, _ -> {:suspend, result} end)

    {result, fn -> continue.({:halt, nil}) end}
  end

  # A stream of two whose second task does as requested.
  defp of_two(main, options \\ []) do
    Task.async_stream(
      [1, 2],
      __MODULE__,
      :first_or_obedient,
      [main],
      [max_concurrency: 2] ++ options
    )
  end

  # Results

  scenario "returns the results in the order of the elements" do
    main = self()

    spawn(fn ->
      stream = Task.async_stream([1, 2, 3], &numbered(&1, main), max_concurrency: 3)
      send(main, {:results, Enum.to_list(stream)})
    end)

    release([3, 1, 2])
    trace("results", expect(:results))
  end

  scenario "without order returns the results as they arrive" do
    main = self()

    spawn(fn ->
      stream =
        Task.async_stream([1, 2, 3], &numbered(&1, main), max_concurrency: 3, ordered: false)

      send(main, {:results, Enum.to_list(stream)})
    end)

    release([3, 1, 2])
    trace("results", expect(:results))
  end

  scenario "returns a result when its task has exited" do
    stream = Task.async_stream([1], fn _ -> self() end)
    for {:ok, pid} <- stream, do: trace("alive", Process.alive?(pid))
  end

  scenario "a named function receives the element before arguments" do
    stream = Task.async_stream([1, 2], __MODULE__, :tell, [self()], max_concurrency: 1)
    trace("main", self())
    trace("results", Enum.to_list(stream))
    trace_next("told")
    trace_next("told")
  end

  scenario "takes an element for each taken result" do
    main = self()
    elements = source([1, 2, 3, 4])

    stream =
      Task.async_stream(elements, __MODULE__, :first_or_obedient, [main], max_concurrency: 2)

    for result <- stream do
      trace("got", result)
      if result != {:ok, 4}, do: send(started(), {:give, elem(result, 1) + 1})
    end
  end

  scenario "everything runs at each iteration, nothing before" do
    main = self()

    stream =
      Task.async_stream(
        [1, 2],
        fn n ->
          send(main, {:ran, n})
          n
        end,
        max_concurrency: 1
      )

    send(self(), :marker)
    trace_next("mail")
    trace("results", Enum.to_list(stream) ++ Enum.to_list(stream))
    for _ <- 1..4, do: trace_next("mail")
  end

  scenario "starts no task while the consumer pauses" do
    main = self()

    stream =
      Task.async_stream(source([1, 2]), fn n -> send(main, {:ran, n}) end, max_concurrency: 1)

    {result, leave} = first(stream)
    trace("first", result)
    trace_next("mail")
    trace_nothing("then")
    leave.()
  end

  scenario "leaves neither messages nor links" do
    Process.flag(:trap_exit, true)
    trace("results", Enum.to_list(Task.async_stream([1, 2, 3], fn n -> n end)))
    trace("links", links())
    send(self(), :marker)
    trace_next("mail")
  end

  scenario "of no elements has no results" do
    trace("results", Enum.to_list(Task.async_stream([], fn n -> n end)))
    trace("links", links())
  end

  scenario "invalid options are rejected before the iteration" do
    for options <- [
          [max_concurrency: 0],
          [timeout: -1],
          [on_timeout: :nothing]
        ] do
      attempt("options", fn -> Task.async_stream([], & &1, options) end)
    end

    attempt("shutdown", fn ->
      Task.Supervisor.async_stream(:sup, [], & &1, shutdown: :infinity)
    end)
  end

  # Tasks that exit

  scenario "a task that exits ends the owner with its reason" do
    trace(
      "reason",
      reason_when(fn -> Stream.run(Task.async_stream([1], fn _ -> exit(:oops) end)) end)
    )
  end

  scenario "a task that exits normally without a result is an exit" do
    trace("results", Enum.to_list(Task.async_stream([1], fn _ -> exit(:normal) end)))
  end

  scenario "an owner that traps exits receives exits as results" do
    Process.flag(:trap_exit, true)

    stream =
      Task.async_stream([:oops, :shutdown, :ball, :no, :fine], fn
        :ball -> throw(:ball)
        :no -> raise "no"
        :fine -> :fine
        reason -> exit(reason)
      end)

    for result <- stream, do: trace("result", result)
    send(self(), :marker)
    trace_next("mail")
  end

  scenario "an exit can contain its element" do
    Process.flag(:trap_exit, true)

    stream =
      Task.async_stream(
        [1, 2, 3],
        fn
          1 -> 1
          2 -> exit(:oops)
          3 -> forever()
        end,
        zip_input_on_exit: true,
        timeout: 200,
        on_timeout: :kill_task
      )

    for result <- stream do
      case result do
        {:exit, {element, reason}} -> trace("exit", [element, reason])
        ok -> trace("result", ok)
      end
    end
  end

  scenario "a slow task ends the owner, and so the other tasks" do
    main = self()
    # The second one starts long before the time of the first is over, on a busy machine too.
    elements = before_two(fn -> Process.sleep(200) end)

    pid =
      spawn(fn ->
        Stream.run(
          Task.async_stream(elements, fn _ -> endless(main) end, timeout: 2000, max_concurrency: 2)
        )
      end)

    owner = Process.monitor(pid)
    first = Process.monitor(started())
    second = Process.monitor(started())
    trace("owner", down(owner))
    trace("first", down(first))
    trace("second", down(second))
  end

  scenario "a task that is too slow is killed on request" do
    for result <- of_two(self(), timeout: 100, on_timeout: :kill_task) do
      trace("result", result)
      if result == {:ok, 1}, do: trace("reason", reason_of(started()))
    end

    trace("links", links())
  end

  scenario "results before a timeout come before the exit" do
    main = self()

    attempt("loop", fn ->
      for result <- of_two(main, timeout: 100, ordered: false) do
        trace("result", result)
        reason_of(started())
      end
    end)
  end

  scenario "tasks of an owner that catches its exit run on" do
    main = self()
    elements = before_two(fn -> Process.sleep(200) end)

    attempt("stream", fn ->
      Stream.run(
        Task.async_stream(
          elements,
          fn
            1 -> forever()
            2 -> obedient(main)
          end,
          timeout: 2000,
          max_concurrency: 2
        )
      )
    end)

    task = started()
    ref = Process.monitor(task)
    send(task, {:give, :value})
    trace("reason", down(ref))
  end

  scenario "each task has its own timeout" do
    stream =
      Task.async_stream(
        1..4,
        fn n ->
          Process.sleep(100)
          n
        end,
        timeout: 350,
        max_concurrency: 1
      )

    trace("results", Enum.to_list(stream))
  end

  # Leaving the stream

  scenario "leaving it kills its tasks, and closes the source" do
    Process.flag(:trap_exit, true)
    main = self()

    stream =
      Task.async_stream(source([1, 2, 3, 4]), __MODULE__, :first_or_obedient, [main],
        max_concurrency: 3
      )

    {result, leave} = first(stream)
    trace("first", result)
    refs = [Process.monitor(started()), Process.monitor(started())]
    leave.()
    trace("reasons", Enum.map(refs, &down/1))
    trace("links", links())
    send(self(), :marker)
    trace_next("mail")
  end

  scenario "an error of the consumer kills its tasks" do
    main = self()

    attempt("loop", fn ->
      for _ <- of_two(main) do
        send(main, {:monitor, Process.monitor(started())})
        raise "left"
      end
    end)

    {:monitor, ref} = expect(:monitor)
    trace("reason", down(ref))
    trace("links", links())
  end

  scenario "an error of the source kills its tasks" do
    main = self()

    broken =
      before_two(fn ->
        send(main, {:monitor, Process.monitor(started())})
        raise "broken"
      end)

    attempt("loop", fn ->
      Stream.run(Task.async_stream(broken, fn _ -> endless(main) end, max_concurrency: 2))
    end)

    {:monitor, ref} = expect(:monitor)
    trace("reason", down(ref))
    trace("links", links())
  end

  scenario "takes only the needed elements of an endless source" do
    numbers = Stream.iterate(1, &(&1 + 1))
    trace("taken", numbers |> Task.async_stream(&(&1 * &1), max_concurrency: 2) |> Enum.take(3))
  end

  # Exits of owners and tasks

  defp owners(main, trap) do
    for reason <- [:kill, :oops, :shutdown, :normal] do
      owner =
        owner(fn ->
          Process.flag(:trap_exit, trap)
          first(of_two(main))
        end)

      task = started()
      ref = Process.monitor(task)
      if reason == :kill, do: Process.exit(owner, :kill), else: send(owner, {:exit, reason})
      reason_of(owner)
      if reason == :normal, do: send(task, {:exit, :lived})
      trace("task", down(ref))
    end
  end

  scenario "an owner that exits during the iteration ends its tasks, unless it exits normally" do
    owners(self(), false)
  end

  scenario "an owner that traps exits and exits during the iteration ends its tasks too" do
    owners(self(), true)
  end

  scenario "a trapping owner exits when the stream is killed" do
    Process.flag(:trap_exit, true)
    main = self()

    attempt("loop", fn ->
      for _ <- of_two(main) do
        send(main, {:monitor, Process.monitor(started())})
        [between] = links()
        Process.exit(between, :kill)
        reason_of(between)
      end
    end)

    {:monitor, ref} = expect(:monitor)
    trace("task", down(ref))
    send(self(), :marker)
    trace_next("mail")
  end

  scenario "the stream starts its tasks, with the owner as caller" do
    main = self()
    trace("main", main)

    [{:ok, [callers, [between | rest]]}] =
      Enum.to_list(Task.async_stream([1], fn _ -> [callers(), Process.get(:"$ancestors")] end))

    trace("callers", callers)
    trace("between", [between == main, rest])
  end

  # Under a supervisor

  scenario "under a supervisor, its tasks are children of that" do
    sup = start_sup()

    stream =
      Task.Supervisor.async_stream(sup, [1, 2], __MODULE__, :first_or_obedient, [self()],
        max_concurrency: 2
      )

    {result, leave} = first(stream)
    trace("first", result)
    trace("children", Task.Supervisor.children(sup) == [started()])
    leave.()
    trace("children", Task.Supervisor.children(sup))
  end

  scenario "under a supervisor, a task's exit ends the owner too" do
    sup = start_sup()
    stream = Task.Supervisor.async_stream(sup, [1], fn _ -> exit(:oops) end)
    trace("reason", reason_when(fn -> Stream.run(stream) end))
  end

  scenario "without links, the exit of a task is a result" do
    sup = start_sup()

    stream =
      Task.Supervisor.async_stream_nolink(sup, [1, 2, 3], fn
        2 -> exit(:oops)
        n -> n
      end)

    for result <- stream, do: trace("result", result)
    send(self(), :marker)
    trace_next("mail")
  end

  scenario "without links, its tasks outlive only the owner" do
    main = self()
    sup = start_sup()

    stream =
      Task.Supervisor.async_stream_nolink(sup, [1, 2], __MODULE__, :first_or_obedient, [main],
        max_concurrency: 2
      )

    for trap <- [false, true], reason <- [:kill, :oops, :normal] do
      owner =
        owner(fn ->
          Process.flag(:trap_exit, trap)
          first(stream)
        end)

      task = started()
      if reason == :kill, do: Process.exit(owner, :kill), else: send(owner, {:exit, reason})
      reason_of(owner)
      ref = Process.monitor(task)
      send(task, {:exit, :lived})
      trace("task", down(ref))
    end

    {_, leave} = first(stream)
    ref = Process.monitor(started())
    leave.()
    trace("left", down(ref))
  end

  scenario "under a full supervisor, it fails and ends its tasks" do
    main = self()
    sup = start_sup(max_children: 1)

    for name <- [:async_stream, :async_stream_nolink] do
      elements = before_two(fn -> send(main, {:monitor, Process.monitor(started())}) end)
      run = fn _ -> endless(main) end

      outcome =
        try do
          Stream.run(apply(Task.Supervisor, name, [sup, elements, run, [max_concurrency: 2]]))
        rescue
          # Only the class is compared: the texts differ.
          RuntimeError -> :runtime_error
        end

      trace("stream", outcome)
      {:monitor, ref} = expect(:monitor)
      trace("reason", down(ref))
      trace("children", Task.Supervisor.children(sup))
    end
  end

  scenario "under a missing supervisor, the owner exits" do
    kate = peer(:kate)

    for sup <- [:absent, {:absent, kate}, {:sup, unknown_node()}] do
      stream = Task.Supervisor.async_stream(sup, [1], __MODULE__, :tell, [self()])
      {reason, _} = reason_when(fn -> Stream.run(stream) end)
      trace("reason", reason)
      Process.flag(:trap_exit, true)
      {reason, _} = why(fn -> Stream.run(stream) end)
      trace("trapped", reason)
      Process.flag(:trap_exit, false)
    end

    send(self(), :marker)
    trace_next("mail")
  end

  scenario "a supervisor terminates its tasks by their shutdown" do
    main = self()
    sup = start_sup()

    for {shutdown, answer} <- [{5000, :own}, {10, :go_on}, {:brutal_kill, :go_on}] do
      stream =
        Task.Supervisor.async_stream_nolink(sup, [1], fn _ -> trapping(main, answer) end,
          shutdown: shutdown
        )

      spawn(fn -> send(main, {:results, Enum.to_list(stream)}) end)
      Task.Supervisor.terminate_child(sup, started())
      trace("results", expect(:results))
    end
  end

  scenario "runs on another node" do
    kate = remote_sup(:kate)

    stream =
      Task.Supervisor.async_stream(kate, [1, 2], __MODULE__, :tell, [self()], max_concurrency: 1)

    trace("main", self())
    trace("results", Enum.to_list(stream))
    trace_next("told")
    trace_next("told")
  end

  scenario "leaving it ends its tasks on another node" do
    kate = remote_sup(:kate)

    {_, leave} =
      first(
        Task.Supervisor.async_stream(kate, [1, 2], __MODULE__, :first_or_obedient, [self()],
          max_concurrency: 2
        )
      )

    ref = Process.monitor(started())
    leave.()
    trace("reason", down(ref))
    trace("children", Task.Supervisor.children(kate))
  end

  scenario "a slow task on another node is killed there" do
    kate = remote_sup(:kate)

    stream =
      Task.Supervisor.async_stream_nolink(kate, [2], __MODULE__, :first_or_obedient, [self()],
        timeout: 100,
        on_timeout: :kill_task
      )

    for result <- stream, do: trace("result", result)
    trace("children", Task.Supervisor.children(kate))
    started()
  end

  scenario "a lost connection is an exit, as links decide" do
    kate = remote_sup(:kate)
    main = self()

    stream = fn name ->
      apply(Task.Supervisor, name, [kate, [main], Conformance.Tasks, :endless, []])
    end

    linked = spawn(fn -> Stream.run(stream.(:async_stream)) end)
    ref = Process.monitor(linked)
    spawn(fn -> send(main, {:results, Enum.to_list(stream.(:async_stream_nolink))}) end)
    started()
    started()
    part(:kate)
    trace("owner", down(ref))
    trace("results", expect(:results))
  end
end
