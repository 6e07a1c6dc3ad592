// The typed message module, which all subcommands share: what any message is, and the commands that have
// types. Commands that begin with "_" are the protocol's own, in two unions by direction: `ToHub` and
// `FromHub`.

export * from "./message_form.ts";
export * from "./run_message.ts";
export * from "./system_message.ts";
