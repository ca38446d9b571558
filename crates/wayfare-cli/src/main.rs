//! The `wayfare` command: asks, serves, drives and shows.
#![forbid(unsafe_code)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod advice;
mod arguments;
mod cert;
mod completions;
mod cookies;
mod demo;
mod dns;
mod drive;
mod ending;
mod exit;
mod fetch;
mod hsts;
mod interfaces;
mod memory;
mod output;
mod pages;
mod private;
mod proxies;
mod serve;
mod trust;

use std::process::ExitCode;

use arguments::Command;

fn main() -> ExitCode {
    let (command, memory) = arguments::read();
    memory::set(memory);
    if let Err(stop) = memory::check() {
        output::complain(&stop.why);
        return exit::with(stop.code);
    }
    match command {
        Command::Get(get) => fetch::run(fetch::Job::from(*get)),
        Command::Head(head) => fetch::run(fetch::Job::from(*head)),
        Command::Post(send) => fetch::run(fetch::Job::sending(http::Method::POST, *send)),
        Command::Put(send) => fetch::run(fetch::Job::sending(http::Method::PUT, *send)),
        Command::Patch(send) => fetch::run(fetch::Job::sending(http::Method::PATCH, *send)),
        Command::Delete(send) => fetch::run(fetch::Job::sending(http::Method::DELETE, *send)),
        Command::Request(request) => {
            fetch::run(fetch::Job::sending(request.method, request.sending))
        }
        Command::Serve(serve) => serve::run(&serve),
        Command::Drive(_) if memory::is_named() => {
            output::complain("drive keeps all its sessions in memory, so --profile makes no sense");
            exit::with(exit::USAGE)
        }
        Command::Drive(_) => drive::run(),
        Command::Cert(asked) => cert::run(&asked),
        Command::Dns(asked) => dns::run(&asked),
        Command::Cookies(asked) => cookies::run(&asked),
        Command::Hsts(asked) => hsts::run(&asked),
        Command::Forget(asked) => memory::forget(&asked),
        Command::Interfaces(asked) => interfaces::run(&asked),
        Command::Proxy(asked) => proxies::run(&asked),
        Command::Demo(demo) => demo::run(&demo),
        Command::Completions(completions) => completions::write(&completions),
        Command::Man(man) => pages::write(&man),
    }
}
