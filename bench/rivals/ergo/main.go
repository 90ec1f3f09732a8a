// The rival's half of the benchmarks in Go, with ergo: the same jobs as
// bench/ours, as a Go programmer would write them.
//
//	bench peer NAME COOKIE PORT
//	bench client NAME COOKIE PORT PEER JOB
//	bench local JOB
//
// JOB is JSON: {"row": ..., "rounds": ..., "warmup": ..., "callers": ...}.
// A client prints one line of JSON, as all contestants do.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"ergo.services/ergo"
	"ergo.services/ergo/act"
	"ergo.services/ergo/gen"
	"ergo.services/ergo/net/edf"
	"ergo.services/ergo/net/registrar"
)

// Job says what is measured, and how often.
type Job struct {
	Row     string `json:"row"`
	Rounds  int64  `json:"rounds"`
	Warmup  int64  `json:"warmup"`
	Callers int64  `json:"callers"`
}

// The messages. Each has the number of its round, and the receiver checks it.
type (
	Ping struct {
		From gen.PID
		N    int64
	}
	Pong  struct{ N int64 }
	Small struct{ N int64 }
	Text  struct {
		N    int64
		Text string
	}
	Place struct{ Lat, Lon float64 }
	User  struct {
		Name string
		Tags []string
		At   Place
	}
	Object struct {
		N    int64
		User User
	}
	Large struct {
		N    int64
		List []User
	}
	Expect struct {
		From  gen.PID
		Total int64
	}
	Counted struct{ Total int64 }
	Echo    struct{ N int64 }
	Task    struct {
		From gen.PID
		N    int64
	}
	Result struct{ N int64 }
)

var types = []any{
	Ping{}, Pong{}, Small{}, Text{}, Place{}, User{}, Object{},
	Large{}, Expect{}, Counted{}, Echo{}, Task{}, Result{},
}

const (
	textSize  = 1000
	variants  = 16
	largeSize = 100
)

var texts, blobs = payloads()

func payloads() ([]string, [][]byte) {
	var texts []string
	var blobs [][]byte
	for i := range variants {
		texts = append(texts, strings.Repeat(string(rune('a'+i)), textSize))
		blob := make([]byte, textSize)
		for at := range blob {
			blob[at] = byte(i)
		}
		blobs = append(blobs, blob)
	}
	return texts, blobs
}

func user() User {
	return User{Name: "alex", Tags: []string{"cat", "dog"}, At: Place{Lat: 52.5, Lon: 13.25}}
}

func message(row string, n int64) any {
	switch row {
	case "one_way_text":
		return Text{N: n, Text: texts[n%variants]}
	case "one_way_bytes":
		// A slice of bytes within a struct is encoded byte by byte, 30 times as slowly.
		data := slices.Clone(blobs[n%variants])
		binary.LittleEndian.PutUint64(data, uint64(n))
		return data
	case "one_way_object":
		return Object{N: n, User: user()}
	case "one_way_large":
		list := make([]User, largeSize)
		for i := range list {
			list[i] = user()
		}
		return Large{N: n, List: list}
	default:
		return Small{N: n}
	}
}

// check returns the number of a message whose payload is what was sent.
func check(message any) int64 {
	switch m := message.(type) {
	case Small:
		return m.N
	case Text:
		assert(len(m.Text) == textSize && m.Text[textSize-1] == byte('a'+m.N%variants))
		return m.N
	case []byte:
		n := int64(binary.LittleEndian.Uint64(m))
		assert(len(m) == textSize && m[textSize-1] == byte(n%variants))
		return n
	case Object:
		assert(m.User.Tags[1] == "dog" && m.User.At.Lon == 13.25)
		return m.N
	case Large:
		assert(len(m.List) == largeSize && m.List[largeSize-1].At.Lon == 13.25)
		return m.N
	}
	panic(fmt.Sprintf("unexpected message %#v", message))
}

func assert(holds bool) {
	if !holds {
		panic("a payload arrived changed")
	}
}

// ponger answers each ping to the pid that it carries.
type ponger struct{ act.Actor }

func newPonger() gen.ProcessBehavior { return &ponger{} }

func (p *ponger) HandleMessage(_ gen.PID, message any) error {
	ping := message.(Ping)
	return p.SendPID(ping.From, Pong{N: ping.N})
}

// counter checks and counts messages, and answers when all have come.
type counter struct {
	act.Actor
	expect Expect
	got    int64
}

func newCounter() gen.ProcessBehavior { return &counter{} }

func (c *counter) HandleMessage(_ gen.PID, message any) error {
	if expect, ok := message.(Expect); ok {
		c.expect, c.got = expect, 0
		return nil
	}
	assert(check(message) == c.got)
	c.got++
	if c.got < c.expect.Total {
		return nil
	}
	return c.SendPID(c.expect.From, Counted{Total: c.got})
}

// echo answers calls with what they carry.
type echo struct{ act.Actor }

func newEcho() gen.ProcessBehavior { return &echo{} }

func (e *echo) HandleCall(_ gen.PID, _ gen.Ref, request any) (any, error) {
	return Echo{N: request.(Echo).N}, nil
}

// task answers once, and ends.
type task struct{ act.Actor }

func newTask() gen.ProcessBehavior { return &task{} }

func (t *task) Init(args ...any) error {
	job := args[0].(Task)
	return t.SendPID(t.PID(), job)
}

func (t *task) HandleMessage(_ gen.PID, message any) error {
	job := message.(Task)
	if err := t.SendPID(job.From, Result{N: job.N}); err != nil {
		return err
	}
	return gen.TerminateReasonNormal
}

func start(name, cookie string, port uint16) gen.Node {
	for _, each := range types {
		if err := edf.RegisterTypeOf(each); err != nil && err != gen.ErrTaken {
			fail(err)
		}
	}
	var options gen.NodeOptions
	options.Network.Cookie = cookie
	options.Network.Registrar = registrar.Create(registrar.Options{Port: port})
	options.Log.DefaultLogger.Disable = true
	node, err := ergo.StartNode(gen.Atom(name), options)
	if err != nil {
		fail(err)
	}
	return node
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func peer(name, cookie string, port uint16) {
	node := start(name, cookie, port)
	network := node.Network()
	for name, factory := range map[gen.Atom]gen.ProcessFactory{
		"pong": newPonger, "count": newCounter, "task": newTask,
	} {
		if err := network.EnableSpawn(name, factory); err != nil {
			fail(err)
		}
	}
	if _, err := node.SpawnRegister("echo", newEcho, gen.ProcessOptions{}); err != nil {
		fail(err)
	}
	fmt.Println("READY", os.Getpid())
	endWithInput()
}

func endWithInput() {
	input := bufio.NewReader(os.Stdin)
	for {
		if _, err := input.ReadByte(); err != nil {
			os.Exit(0)
		}
	}
}

// client runs a job: each of its methods goes on when a message comes.
type client struct {
	act.Actor
	job     Job
	peer    gen.Atom
	pid     gen.PID
	isWarm  bool
	n       int64
	running int64
	started time.Time
	whole   time.Time
	times   []int64
}

type begin struct{}

func (c *client) Init(args ...any) error {
	c.job, c.peer = args[0].(Job), args[1].(gen.Atom)
	c.isWarm = c.job.Warmup == 0
	return c.SendPID(c.PID(), begin{})
}

func (c *client) HandleMessage(_ gen.PID, message any) error {
	switch m := message.(type) {
	case begin:
		return c.begin()
	case Pong:
		return c.answered(m.N, c.ping)
	case Result:
		if c.job.Callers > 1 {
			return c.finished(m.N)
		}
		return c.answered(m.N, c.task)
	case Counted:
		return c.counted(m.Total)
	case done:
		c.running--
		if c.running > 0 {
			return nil
		}
		return c.rateOf(c.count())
	}
	return fmt.Errorf("unexpected message %#v", message)
}

func (c *client) count() int64 {
	if c.isWarm {
		return c.job.Rounds
	}
	return c.job.Warmup
}

func (c *client) spawn(name gen.Atom, args ...any) error {
	var err error
	if c.peer == "" {
		factories := map[gen.Atom]gen.ProcessFactory{"pong": newPonger}
		c.pid, err = c.Spawn(factories[name], gen.ProcessOptions{}, args...)
		return err
	}
	c.pid, err = c.RemoteSpawn(c.peer, name, gen.ProcessOptions{}, args...)
	return err
}

func (c *client) begin() error {
	c.n, c.times, c.whole = 0, nil, time.Now()
	switch c.job.Row {
	case "round_trip", "round_trip_cold", "local_round_trip":
		if !c.isWarm {
			if err := c.spawn("pong"); err != nil {
				return err
			}
		}
		return c.ping()
	case "call":
		return c.calls()
	case "calls":
		return c.callers()
	case "task":
		return c.task()
	case "tasks":
		c.running = c.job.Callers
		for range c.job.Callers {
			if err := c.nextTask(); err != nil {
				return err
			}
		}
		return nil
	case "spawn":
		return c.spawns()
	default:
		return c.sendAll()
	}
}

func (c *client) ping() error {
	c.started = time.Now()
	return c.SendPID(c.pid, Ping{From: c.PID(), N: c.n})
}

func (c *client) task() error {
	c.started = time.Now()
	return c.spawn("task", Task{From: c.PID(), N: c.n})
}

func (c *client) answered(n int64, next func() error) error {
	assert(n == c.n)
	c.times = append(c.times, time.Since(c.started).Nanoseconds())
	c.n++
	if c.n < c.count() {
		return next()
	}
	return c.latencies()
}

func (c *client) nextTask() error {
	if c.n >= c.count() {
		return nil
	}
	c.n++
	return c.spawn("task", Task{From: c.PID(), N: c.n})
}

func (c *client) finished(n int64) error {
	assert(n > 0 && n <= c.count())
	c.times = append(c.times, n)
	if int64(len(c.times)) == c.count() {
		return c.rateOf(c.count())
	}
	return c.nextTask()
}

func (c *client) calls() error {
	to := gen.ProcessID{Name: "echo", Node: c.peer}
	for c.n = 0; c.n < c.count(); c.n++ {
		started := time.Now()
		answer, err := c.Call(to, Echo{N: c.n})
		if err != nil {
			return err
		}
		assert(answer.(Echo).N == c.n)
		c.times = append(c.times, time.Since(started).Nanoseconds())
	}
	return c.latencies()
}

type done struct{}

// caller makes its share of the calls.
type caller struct {
	act.Actor
	to    gen.ProcessID
	count int64
}

func newCaller() gen.ProcessBehavior { return &caller{} }

func (c *caller) Init(args ...any) error {
	c.to, c.count = args[0].(gen.ProcessID), args[1].(int64)
	return c.SendPID(c.PID(), begin{})
}

func (c *caller) HandleMessage(_ gen.PID, _ any) error {
	for n := range c.count {
		answer, err := c.Call(c.to, Echo{N: n})
		if err != nil {
			return err
		}
		assert(answer.(Echo).N == n)
	}
	if err := c.SendPID(c.Parent(), done{}); err != nil {
		return err
	}
	return gen.TerminateReasonNormal
}

func (c *client) callers() error {
	to := gen.ProcessID{Name: "echo", Node: c.peer}
	c.running = c.job.Callers
	for range c.job.Callers {
		_, err := c.Spawn(newCaller, gen.ProcessOptions{}, to, c.count()/c.job.Callers)
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *client) sendAll() error {
	if err := c.spawn("count"); err != nil {
		return err
	}
	c.whole = time.Now()
	if err := c.SendPID(c.pid, Expect{From: c.PID(), Total: c.count()}); err != nil {
		return err
	}
	for n := range c.count() {
		for {
			err := c.SendPID(c.pid, message(c.job.Row, n))
			if err == nil {
				break
			}
			return err
		}
	}
	return nil
}

func (c *client) counted(total int64) error {
	assert(total == c.count())
	return c.rateOf(total)
}

// spawns starts processes one by one, each after the end of the one before.
func (c *client) spawns() error {
	ended := make(chan struct{})
	for range c.count() {
		if _, err := c.Spawn(newShort, gen.ProcessOptions{}, ended); err != nil {
			return err
		}
		<-ended
	}
	elapsed := time.Since(c.whole).Seconds()
	return c.report(map[string]any{"cost": elapsed / float64(c.count()) * 1e6})
}

// short says that it ends, and ends.
type short struct {
	act.Actor
	ended chan struct{}
}

func newShort() gen.ProcessBehavior { return &short{} }

func (s *short) Init(args ...any) error {
	s.ended = args[0].(chan struct{})
	return s.SendPID(s.PID(), begin{})
}

func (s *short) HandleMessage(_ gen.PID, _ any) error { return gen.TerminateReasonNormal }

func (s *short) Terminate(_ error) { s.ended <- struct{}{} }

func (c *client) rateOf(count int64) error {
	rate := float64(count) / time.Since(c.whole).Seconds()
	return c.report(map[string]any{"rate": rate})
}

// slept is less than any round in which a flush waited for a sleeping runtime, and more than any other.
const slept = 500 * time.Microsecond

// states tells apart the rounds of two kinds. ergo flushes its messages when a timer of 300 ns fires. Go's runtime fires
// it at once if a thread looks for work, and otherwise wakes up after a millisecond.
func states(sorted []int64) map[string]float64 {
	quick, _ := slices.BinarySearch(sorted, slept.Nanoseconds())
	slow := len(sorted) - quick
	if quick == 0 || slow*100 < len(sorted) {
		return nil
	}
	return map[string]float64{
		"fast":      float64(sorted[quick/2]) / 1000,
		"slow":      float64(sorted[quick+slow/2]) / 1000,
		"slowShare": float64(slow) / float64(len(sorted)),
	}
}

func (c *client) latencies() error {
	if c.job.Row == "local_round_trip" {
		cost := time.Since(c.whole).Seconds() / float64(c.n) * 1e6
		return c.report(map[string]any{"cost": cost})
	}
	slices.Sort(c.times)
	var sum int64
	for _, each := range c.times {
		sum += each
	}
	at := func(part float64) float64 {
		return float64(c.times[max(int(math.Ceil(float64(len(c.times))*part))-1, 0)]) / 1000
	}
	result := map[string]any{
		"median": at(0.5), "p99": at(0.99), "max": at(1),
		"mean": float64(sum) / float64(len(c.times)) / 1000,
	}
	if states := states(c.times); states != nil {
		result["states"] = states
	}
	return c.report(result)
}

func (c *client) report(result map[string]any) error {
	if !c.isWarm {
		c.isWarm = true
		return c.begin()
	}
	line, err := json.Marshal(result)
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	os.Exit(0)
	return nil
}

// idler waits for a message that never comes.
type idler struct{ act.Actor }

func newIdler() gen.ProcessBehavior { return &idler{} }

func idle(node gen.Node, job Job) {
	memory := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapInuse + stats.StackInuse
	}
	startAll := func(count int64) {
		for range count {
			if _, err := node.Spawn(newIdler, gen.ProcessOptions{}); err != nil {
				fail(err)
			}
		}
	}
	startAll(job.Warmup)
	before := memory()
	startAll(job.Rounds)
	fmt.Printf("{\"bytes\":%d}\n", (memory()-before)/uint64(job.Rounds))
	os.Exit(0)
}

func main() {
	args := os.Args[1:]
	number := func(text string) uint16 {
		var port uint16
		fmt.Sscan(text, &port)
		return port
	}
	var job Job
	if args[0] != "peer" {
		if err := json.Unmarshal([]byte(args[len(args)-1]), &job); err != nil {
			fail(err)
		}
	}
	switch args[0] {
	case "peer":
		peer(args[1], args[2], number(args[3]))
	case "client":
		node := start(args[1], args[2], number(args[3]))
		peer := gen.Atom(args[4])
		if _, err := node.Network().GetNode(peer); err != nil {
			fail(err)
		}
		// Messages are out of order while the other links of a connection join it (seen with ergo 3.1).
		time.Sleep(500 * time.Millisecond)
		factory := func() gen.ProcessBehavior { return &client{} }
		if _, err := node.Spawn(factory, gen.ProcessOptions{}, job, peer); err != nil {
			fail(err)
		}
		node.Wait()
	case "local":
		var options gen.NodeOptions
		options.Network.Mode = gen.NetworkModeDisabled
		options.Log.DefaultLogger.Disable = true
		node, err := ergo.StartNode("bench@localhost", options)
		if err != nil {
			fail(err)
		}
		if strings.HasPrefix(job.Row, "idle") {
			idle(node, job)
		}
		factory := func() gen.ProcessBehavior { return &client{} }
		if _, err := node.Spawn(factory, gen.ProcessOptions{}, job, gen.Atom("")); err != nil {
			fail(err)
		}
		node.Wait()
	}
	os.Exit(1)
}
