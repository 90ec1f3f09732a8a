defmodule Conformance.Limits do
  use Conformance

  scenario "a process that computes is killed" do
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

  scenario "a killed process runs no cleanup" do
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

  scenario "a variable that the closure of another process changes" do
    main = self()
    count = 1

    spawn(fn ->
      count = count + 1
      send(main, count)
    end)

    trace_next("theirs")
    trace("ours", count)
  end

  scenario "a number knows whether it is an integer" do
    send(self(), 2.0)
    trace("integer", is_integer(next()))
  end

  scenario "a function in a message" do
    attempt("send", fn ->
      send(self(), fn -> 42 end)
      :ok
    end)

    trace("ready", is_function(next(0)))
  end

  scenario "an exit signal with a text that is spelled as an atom" do
    {pid, _ref} = spawn_monitor(fn -> forever() end)
    trace("pid", pid)
    Process.exit(pid, "normal")
    trace_nothing("got")
  end
end
