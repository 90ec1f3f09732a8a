defmodule Conformance.Timers do
  use Conformance

  scenario "a message arrives, once, at a pid and at a name" do
    Process.register(self(), :clerk)
    Process.send_after(self(), :to_pid, 20)
    trace_next("got")
    Process.send_after(:clerk, :to_name, 0)
    trace_next("got")
    # After both of them, in case one came again.
    Process.send_after(self(), :marker, 100)
    trace_next("then")
    Process.unregister(:clerk)
  end

  scenario "earlier timers send first, whenever they were set" do
    # Moments, so that a pause between two of these lines does not change the order.
    now = System.monotonic_time(:millisecond)
    Process.send_after(self(), :third, now + 400, abs: true)
    Process.send_after(self(), :first, now, abs: true)
    Process.send_after(self(), :second, now + 200, abs: true)
    for _ <- 1..3, do: trace_next("got")
  end

  scenario "a cancelled timer sends nothing" do
    timer = Process.send_after(self(), :never, 60_000)
    left = Process.read_timer(timer)
    trace("left", is_integer(left) and left <= 60_000)
    left = Process.cancel_timer(timer)
    trace("cancelled", is_integer(left) and left <= 60_000)
    trace("again", Process.cancel_timer(timer))
    trace("read", Process.read_timer(timer))
    trace("soon", is_integer(Process.cancel_timer(Process.send_after(self(), :never, 150))))
    Process.send_after(self(), :marker, 200)
    trace_next("then")
  end

  scenario "a timer that has sent cannot be cancelled" do
    timer = Process.send_after(self(), :there, 0)
    trace_next("got")
    trace("cancel", Process.cancel_timer(timer))
    trace("read", Process.read_timer(timer))
    trace("of none", Process.cancel_timer(make_ref()))
  end

  scenario "another process can cancel a timer" do
    timer = Process.send_after(self(), :never, 60_000)
    main = self()
    spawn(fn -> send(main, {:left, is_integer(Process.cancel_timer(timer))}) end)
    trace_next("got")
    trace("read", Process.read_timer(timer))
  end

  scenario "a name is looked up when the timer expires" do
    main = self()
    Process.send_after(:clerk, :late, 300)

    spawn(fn ->
      Process.register(self(), :clerk)
      send(main, :registered)
      send(main, {:clerk_got, next()})
    end)

    expect(:registered)
    trace_next("got")
  end

  scenario "a timer for an unregistered name sends nothing" do
    timer = Process.send_after(:nobody, :lost, 0)
    Process.send_after(self(), :marker, 30)
    trace_next("got")
    trace("read", Process.read_timer(timer))
  end

  scenario "a timer for a process ends with the process" do
    pid = spawn(&forever/0)
    timer = Process.send_after(pid, :lost, 60_000)
    Process.exit(pid, :kill)
    reason_of(pid)
    # Another signal removes the message that it leaves behind.
    send(self(), :marker)
    trace_next("got")
    trace("read", wait_for_false(timer))
  end

  defp wait_for_false(timer) do
    case Process.read_timer(timer) do
      left when is_integer(left) ->
        # safe: asked again until it is so
        Process.sleep(2)
        wait_for_false(timer)

      left ->
        left
    end
  end

  scenario "the message is a copy from when the timer was set" do
    Process.send_after(self(), {:copy, %{list: [1, 2]}}, 0)
    trace_next("got")
  end

  scenario "an invalid time raises" do
    attempt("negative", fn -> Process.send_after(self(), :x, -1) end)
    trace_nothing("then")
  end

  scenario "cancel_timer can answer with a message, or not at all" do
    timer = Process.send_after(self(), :never, 60_000)
    trace("timer", timer)
    trace("async", Process.cancel_timer(timer, async: true))
    {:cancel_timer, ref, left} = next()
    trace("told", [ref, is_integer(left) and left <= 60_000])
    trace("again", Process.cancel_timer(timer, async: true))
    trace_next("told")
    trace("without info", Process.cancel_timer(timer, info: false))
    trace("neither", Process.cancel_timer(timer, async: true, info: false))
    timer = Process.send_after(self(), :never, 100)
    trace("of one that runs", Process.cancel_timer(timer, info: false))
    Process.send_after(self(), :marker, 150)
    trace_next("then")
  end
end
