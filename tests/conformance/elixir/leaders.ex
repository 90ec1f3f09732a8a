defmodule Conformance.Leaders do
  use Conformance

  defp done(pid), do: reason_of(pid)

  def nothing, do: :ok
  def print(text), do: IO.puts(text)
  def print_node(what), do: IO.puts("#{what} #{node()}")
  def have_child_print, do: done(spawn(__MODULE__, :print_node, ["from a child on"]))
  def leader, do: Process.group_leader()

  def print_then do
    expect(:go)
    IO.puts("moved")
  end

  def tell_lines(main), do: for(_ <- 1..3, do: send(main, {:line, IO.gets("? ")}))

  scenario "processes print at the leader of their spawner" do
    main = self()
    IO.puts("main")
    done(spawn(fn -> IO.puts("child") end))

    spawn(fn -> done(spawn(fn -> IO.puts("grandchild") end)) && send(main, :ok) end)
    expect(:ok)
    IO.write("no line")
    trace("output", output())
  end

  scenario "a process on another node prints at its parent's" do
    kate = peer(:kate)
    done(Node.spawn(kate, __MODULE__, :print_node, ["from"]))
    done(Node.spawn(kate, __MODULE__, :have_child_print, []))

    trace("here", output())
    trace("there", output(:kate))
  end

  scenario "code that a node runs itself prints there" do
    kate = peer(:kate)
    Node.ping(kate)
    on(:kate, :print, ["by itself"])
    trace("here", output())
    trace("there", output(:kate))
  end

  scenario "a changed leader is inherited by later processes" do
    peer(:kate)
    own = Process.group_leader()
    there = on(:kate, :leader)
    before = spawn(fn -> expect(:go) && IO.puts("started before") end)
    Process.group_leader(self(), there)
    IO.puts("redirected")
    done(spawn(fn -> IO.puts("started then") end))
    send(before, :go)
    done(before)
    Process.group_leader(self(), own)
    IO.puts("back")
    trace("here", output())
    trace("there", output(:kate))
  end

  scenario "a process changes the leader of one on another node" do
    kate = peer(:kate)
    pid = Node.spawn(kate, __MODULE__, :print_then, [])
    Process.group_leader(pid, on(:kate, :leader))
    send(pid, :go)
    done(pid)
    trace("here", output())
    trace("there", output(:kate))
  end

  scenario "the leader of a missing process cannot be set" do
    kate = peer(:kate)
    dead = spawn(fn -> :ok end)
    done(dead)
    far = Node.spawn(kate, __MODULE__, :nothing, [])
    done(far)
    attempt("here", fn -> Process.group_leader(dead, self()) && :ok end)
    attempt("there", fn -> Process.group_leader(far, self()) && :ok end)
  end

  scenario "gets on another node reads the input of the spawner's", input: "first\nsecond\nlast" do
    main = self()
    trace("here", IO.gets("? "))
    done(Node.spawn(peer(:kate), __MODULE__, :tell_lines, [main]))
    for _ <- 1..3, do: trace_next("there")
  end

  scenario "output to another leader by its pid" do
    there = on(:kate, :leader)
    trace("puts", IO.puts(there, "hello"))
    trace("write", IO.write(there, "!"))
    trace("here", output())
    trace("there", output(:kate))
  end

  scenario "lines of a process keep their order between nodes" do
    Process.group_leader(self(), on(:kate, :leader))
    for n <- 1..20, do: IO.write("#{n} ")
    trace("there", output(:kate))
  end

  scenario "output to an exited leader raises" do
    dead = spawn(fn -> :ok end)
    done(dead)
    attempt("device", fn -> IO.puts(dead, "lost") end)

    {pid, ref} =
      spawn_monitor(fn ->
        Process.group_leader(self(), dead)
        IO.puts("lost")
      end)

    trace("down", [expect(:DOWN), ref, pid])
  end

  scenario "output to a leader on a node that is down raises" do
    leader = Node.spawn(peer(:victim), Conformance, :forever, [])
    kill_node(:victim)
    attempt("device", fn -> IO.puts(leader, "lost") end)
  end
end
