//! Lambda bootstrap of `sweeper`; everything is in the library.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    sweeper::run().await
}
