/**
 * The functions of Elixir 1.18 and OTP 27 that functions of the library are named for, with the arguments that the
 * documentation has, by our module; `""` has those without one.
 */
const THEIRS: Record<string, string> = {
  Agent: String.raw`
    cast(agent, fun); child_spec(arg); get(agent, fun, timeout \\ 5000);
    get_and_update(agent, fun, timeout \\ 5000); start(fun, options \\ []);
    start_link(fun, options \\ []);
    stop(agent, reason \\ :normal, timeout \\ :infinity);
    update(agent, fun, timeout \\ 5000)`,
  Application: String.raw`
    delete_env(app, key, opts \\ []); fetch_env(app, key); get_all_env(app);
    get_env(app, key, default \\ nil); load(app);
    put_env(app, key, value, opts \\ []); spec(app, key);
    start(app, type \\ :temporary); stop(app)`,
  DynamicSupervisor: String.raw`
    child_spec(options); count_children(supervisor);
    start_child(supervisor, child_spec); start_link(options);
    stop(supervisor, reason \\ :normal, timeout \\ :infinity);
    terminate_child(supervisor, pid); which_children(supervisor)`,
  GenServer: String.raw`
    abcast(nodes \\ [node() | Node.list()], name, request);
    call(server, request, timeout \\ 5000); cast(server, request);
    multi_call(nodes \\ [node() | Node.list()], name, request, timeout \\ :infinity);
    reply(client, reply); start(module, init_arg, options \\ []);
    start_link(module, init_arg, options \\ []);
    stop(server, reason \\ :normal, timeout \\ :infinity); whereis(server)`,
  IO: String.raw`
    gets(device \\ :stdio, prompt); inspect(device, item, opts);
    puts(device \\ :stdio, item); read(device \\ :stdio, line_or_chars);
    write(device \\ :stdio, chardata)`,
  Node: String.raw`
    alive?(); connect(node); disconnect(node); list();
    monitor(node, flag, options); monitor_nodes(Flag, Options); ping(node);
    self(); spawn(node, fun, opts); spawn_link(node, fun);
    spawn_monitor(node, fun);
    start(name, type \\ :longnames, tick_time \\ 15000); stop()`,
  Process: String.raw`
    alias(); alive?(pid); cancel_timer(timer_ref, options \\ []); delete(key);
    demonitor(monitor_ref, options \\ []); exit(pid, reason);
    get(key, default \\ nil); get_keys(); group_leader(pid, leader);
    info(pid, spec); link(pid_or_port); list(); monitor(item, options);
    monotonic_time(); put(key, value); read_timer(timer_ref);
    register(pid_or_port, name); registered(); send(dest, msg, options);
    send_after(dest, msg, time, opts \\ []); set_label(label); sleep(timeout);
    unalias(alias); unlink(pid_or_port); unregister(name); whereis(name)`,
  Registry: String.raw`
    child_spec(options); count(registry);
    count_match(registry, key, pattern, guards \\ []);
    count_select(registry, spec); delete_meta(registry, key);
    dispatch(registry, key, mfa_or_fun, opts \\ []); keys(registry, pid);
    lock(registry, lock_key, function); lookup(registry, key);
    match(registry, key, pattern, guards \\ []); meta(registry, key);
    put_meta(registry, key, value); register(registry, key, value);
    register_name(arg, pid); select(registry, spec); start_link(options);
    unregister(registry, key);
    unregister_match(registry, key, pattern, guards \\ []);
    unregister_name(arg); update_value(registry, key, callback);
    values(registry, key, pid); whereis_name(arg)`,
  Supervisor: String.raw`
    child_spec(module_or_map, overrides); count_children(supervisor);
    delete_child(supervisor, child_id); get_childspec(SupRef, Id);
    restart_child(supervisor, child_id); start_child(supervisor, child_spec);
    start_link(children, options);
    stop(supervisor, reason \\ :normal, timeout \\ :infinity);
    terminate_child(supervisor, child_id); which_children(supervisor)`,
  Task: String.raw`
    async(fun); async_stream(enumerable, fun, options \\ []);
    await(task, timeout \\ 5000); await_many(tasks, timeout \\ 5000);
    child_spec(arg); completed(result); ignore(task);
    shutdown(task, shutdown \\ 5000); start(fun); start_link(fun);
    yield(task, timeout \\ 5000); yield_many(tasks, opts \\ [])`,
  TaskSupervisor: String.raw`
    async(supervisor, fun, options \\ []);
    async_nolink(supervisor, fun, options \\ []);
    async_stream(supervisor, enumerable, fun, options \\ []);
    async_stream_nolink(supervisor, enumerable, fun, options \\ []);
    child_spec(opts); children(supervisor);
    start_child(supervisor, fun, options \\ []); start_link(options \\ []);
    terminate_child(supervisor, pid)`,
  "": String.raw`
    exit(reason); flush(); inspect(term, opts \\ []); make_ref(); self();
    send(dest, message); spawn(fun); spawn_link(fun); spawn_monitor(fun)`,
  global: String.raw`
    del_lock(Id, Nodes); notify_all_name(Name, Pid1, Pid2);
    random_exit_name(Name, Pid1, Pid2); random_notify_name(Name, Pid1, Pid2);
    re_register_name(Name, Pid, Resolve); register_name(Name, Pid, Resolve);
    registered_names(); send(Name, Msg); set_lock(Id, Nodes, Retries);
    sync(Nodes); trans(Id, Fun, Nodes, Retries); unregister_name(Name);
    whereis_name(Name)`,
  Logger: String.raw`
    debug(message, metadata); error(message, metadata); info(message, metadata);
    level(); warning(message, metadata)`,
  pg: String.raw`
    demonitor(Scope, Ref); get_local_members(Scope, Group);
    get_members(Scope, Group); join(Scope, Group, PidOrPids);
    leave(Scope, Group, PidOrPids); monitor(Scope, Group); monitor_scope(Scope);
    start(Scope); start_link(Scope); which_groups(Scope);
    which_local_groups(Scope)`,
  rpc: String.raw`
    call(Node, Fun, Timeout); cast(Node, Fun); multicall(Nodes, Fun, Timeout);
    multicast(Nodes, Fun)`,
};

/** Our functions without one of their name. */
const OURS = `
  Agent.ref Application.fetchEnvOrThrow Application.started GenServer.childSpec
  GenServer.ref Node.drain Node.drainOnSignal Node.onDrain Node.run Node.stats
  Node.connections Process.callers Process.reply Process.signal
  Process.trapExit TaskSupervisor.drain TaskSupervisor.stop atom beam
  formatExit isDown isExit isReply improperList tuple jsonLog remote
  standardLog textLog Logger.setFilter Logger.setLevel pg.childSpec receive
  rpc.raisedOn
`;

/** The functions of the library, each with the function of Elixir that has its name, or with `undefined`. */
export const SIGNATURES: Record<string, string | undefined> = {
  ...Object.fromEntries(Object.entries(THEIRS).flatMap(signaturesOf)),
  ...Object.fromEntries(
    OURS.trim().split(/\s+/).map((name) => [name, undefined]),
  ),
};

function signaturesOf([module, text]: [string, string]): [string, string][] {
  return text.split(";").map((each) => {
    const signature = each.trim();
    const [name] = signature.split(/\??\(/);
    const own = name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
    return [module === "" ? own : `${module}.${own}`, signature];
  });
}
