//! The scripts of the store, each one atomic step.

use super::connection::StoreScript;

pub(super) struct Scripts {
    pub(super) put_transaction: StoreScript,
    pub(super) take_transaction: StoreScript,
    pub(super) put_code: StoreScript,
    pub(super) put_token: StoreScript,
    pub(super) get_token: StoreScript,
    pub(super) take_token: StoreScript,
    pub(super) take_code: StoreScript,
    pub(super) spend: StoreScript,
    pub(super) answer: StoreScript,
    pub(super) release: StoreScript,
    pub(super) end_family: StoreScript,
    pub(super) ended: StoreScript,
    pub(super) note_client: StoreScript,
    pub(super) clients: StoreScript,
    pub(super) block_client: StoreScript,
    pub(super) blocked: StoreScript,
    pub(super) return_ended: StoreScript,
    pub(super) return_blocks: StoreScript,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            put_transaction: StoreScript::new(include_str!("put_transaction.lua")),
            take_transaction: StoreScript::new(include_str!("take_transaction.lua")),
            put_code: StoreScript::new(include_str!("put_code.lua")),
            put_token: StoreScript::new(include_str!("put_token.lua")),
            get_token: StoreScript::new(include_str!("get_token.lua")),
            take_token: StoreScript::new(include_str!("take_token.lua")),
            take_code: StoreScript::new(include_str!("take_code.lua")),
            spend: StoreScript::new(include_str!("spend.lua")),
            answer: StoreScript::new(include_str!("answer.lua")),
            release: StoreScript::new(include_str!("release.lua")),
            end_family: StoreScript::new(include_str!("end_family.lua")),
            ended: StoreScript::new(include_str!("ended.lua")),
            note_client: StoreScript::new(include_str!("note_client.lua")),
            clients: StoreScript::new(include_str!("clients.lua")),
            block_client: StoreScript::new(include_str!("block_client.lua")),
            blocked: StoreScript::new(include_str!("blocked.lua")),
            return_ended: StoreScript::new(include_str!("return_ended.lua")),
            return_blocks: StoreScript::new(include_str!("return_blocks.lua")),
        }
    }
}
