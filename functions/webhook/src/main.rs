//! Lambda bootstrap of `webhook`; everything is in the library.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    webhook::run().await
}
