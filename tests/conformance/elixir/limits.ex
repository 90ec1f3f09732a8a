defmodule Conformance.Limits do
  use Conformance

  scenario "a process that computes is killed",
    difference: [
      row: "no-preemption",
      typescript: ["pid: #P1", "first: computed", "second: DOWN(#R1, #P1, normal)"]
    ] do
    main = self()

    {pid, _ref} =
      spawn_monitor(fn ->
        send(main, :begun)
        compute(System.monotonic_time(:millisecond) + 300)
        send(main, :computed)
      end)

    trace("pid", pid)
    expect(:begun)
    Process.exit(pid, :kill)
    trace_next("first")
    trace_nothing("second")
  end

  defp compute(until) do
    if System.monotonic_time(:millisecond) < until, do: compute(until)
  end

  scenario "a killed process runs no cleanup",
    difference: [
      row: "code-of-the-dead",
      typescript: ["pid: #P1", "got: DOWN(#R1, #P1, killed)", "cleaned: 1"]
    ] do
    cleaned = :counters.new(1, [])

    main = self()

    {pid, _ref} =
      spawn_monitor(fn ->
        try do
          send(main, :begun)
          forever()
        after
          :counters.add(cleaned, 1, 1)
        end
      end)

    trace("pid", pid)
    expect(:begun)
    Process.exit(pid, :kill)
    trace_next("got")
    Process.sleep(10)
    trace("cleaned", :counters.get(cleaned, 1))
  end

  scenario "a variable that the closure of another process changes",
    difference: [
      row: "shared-memory",
      typescript: ["theirs: 2", "ours: 2"]
    ] do
    main = self()
    count = 1

    spawn(fn ->
      count = count + 1
      send(main, count)
    end)

    trace_next("theirs")
    trace("ours", count)
  end

  scenario "a number knows whether it is an integer",
    difference: [
      row: "numbers",
      typescript: ["integer: true"]
    ] do
    send(self(), 2.0)
    trace("integer", is_integer(next()))
  end

  scenario "a function in a message",
    difference: [
      row: "functions",
      typescript: ["send: raised(ArgumentError)", "ready: false"]
    ] do
    attempt("send", fn ->
      send(self(), fn -> 42 end)
      :ok
    end)

    trace("ready", is_function(next(0)))
  end

  scenario "an exit signal with a text that is spelled as an atom",
    difference: [
      row: "atoms",
      typescript: ["pid: #P1", "got: nothing"]
    ] do
    {pid, _ref} = spawn_monitor(fn -> forever() end)
    trace("pid", pid)
    Process.exit(pid, "normal")
    trace_nothing("got")
  end
end
