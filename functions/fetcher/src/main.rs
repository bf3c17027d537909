//! Lambda bootstrap of `fetcher`; everything is in the library.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    fetcher::run().await
}
