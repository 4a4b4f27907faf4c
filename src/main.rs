//! The program: its allocator, and the command line.

use std::process::ExitCode;

/// Every order is many small values that one thread makes and another drops.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What runs is compiled with the library, once: futures that only a program polls would be compiled here again.
fn main() -> ExitCode {
    consign::command_line::run()
}
