//! The `causet` program. Everything is in the library; see `causet::cli`.

fn main() -> std::process::ExitCode {
    causet::cli::main()
}
