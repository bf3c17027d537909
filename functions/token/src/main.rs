//! Lambda bootstrap of `token`; everything is in the library.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    token::run().await
}
