/** The functions of OTP that a node answers to Erlang's tools. */

/** The functions, as `module:function/arity`. */
export const QUERIES = [
  "appmon_info:start_link2/3",
  "application:get_env/2",
  "application:get_env/3",
  "application:loaded_applications/0",
  "application:which_applications/0",
  "code:which/1",
  "Elixir.Process:info/1",
  "Elixir.Process:info/2",
  "Elixir.Process:list/0",
  "erlang:function_exported/3",
  "erlang:is_process_alive/1",
  "erlang:memory/0",
  "erlang:memory/1",
  "erlang:node/0",
  "erlang:process_info/1",
  "erlang:process_info/2",
  "erlang:processes/0",
  "erlang:registered/0",
  "erlang:statistics/1",
  "erlang:system_info/1",
  "erlang:whereis/1",
  "net_kernel:get_net_ticktime/0",
  "observer_backend:etop_collect/1",
  "observer_backend:fetch_stats/2",
  "observer_backend:get_port_list/0",
  "observer_backend:get_socket_list/0",
  "observer_backend:get_table_list/2",
  "observer_backend:procs_info/1",
  "observer_backend:sys_info/0",
  "observer_backend:vsn/0",
] as const;

/** A function of OTP that this library answers. */
export type OtpQuery = typeof QUERIES[number];

/** Options for `serveOtpQueries`. */
export interface OtpQueryOptions {
  /** Whether other nodes may open shells. */
  allowRemsh: boolean;
  /** The tick time, in milliseconds. */
  tickTime: number;
}
