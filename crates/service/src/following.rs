//! Follows what the store says of customers: who they are, what they hold, who was erased.

use crate::ledger::LedgerFault;
use crate::state::Inner;
use events::{CustomerRecord, HoldingRecord};
use history::FollowedHolding;

impl Inner {
    /// Follows who the customers are, what they consented to, and who was erased.
    pub(crate) async fn follow_customers(&self) -> Result<(), LedgerFault> {
        let mut mark = self.customer_mark.lock().await;
        let changes = self.ledger.customers_since(*mark).await?;
        if !changes.erased.is_empty() {
            let gone = self.live.customers.remove(&changes.erased);
            self.live.contacts.forget_customers(&gone);
            self.live.forget_orders_where(&|id| gone.iter().any(|gone| **gone == *id));
            self.recent.remove(&changes.erased);
            self.served.load().forget_answers();
        }
        self.take_consents(changes.changed.iter().map(|told| (&*told.customer_id, told.consent)));
        for known in &changes.changed {
            self.live.customers.set_idx(&known.customer_id, known.customer_idx);
            self.live.customers.set_attributes(&known.customer_id, &known.attributes);
        }
        *mark = changes.mark;
        let served = self.served.load_full();
        let asks_bought = served.all_policies().any(|policies| policies.asks_bought());
        if asks_bought || 0 < served.contact_windows.bought {
            self.follow_imports().await?;
        }
        self.live.customers.set_loaded();
        self.follow_holdings().await
    }

    /// What was answered to who refuses now is forgotten with what they bought.
    fn take_consents<'a>(&self, told: impl Iterator<Item = (&'a str, Option<bool>)>) {
        let customers = &self.live.customers;
        let is_refusal = |(customer_id, consent)| customers.set_consent(customer_id, consent);
        // All of them, and one look at the visits for all.
        if 0 < told.filter(|told| is_refusal(*told)).count() {
            self.served.load().forget_answers();
            self.live.forget_orders_where(&|customer_id| customers.is_refused(customer_id));
        }
    }

    /// Follows whose imported orders the snapshot does not know: of them it is not known what they
    /// have not bought. Only while a policy asks.
    pub(crate) async fn follow_imports(&self) -> Result<(), LedgerFault> {
        let learned = self.served.load().all_learned_sequence();
        let mut mark = self.imports_mark.lock().await;
        if let Some(followed) = self.ledger.buyers_imported_after(learned, mark.clone()).await? {
            self.live.customers.set_imported(&followed.buyers);
            if mark.is_some() {
                self.live.contacts.forget_loaded_purchases();
            }
            *mark = Some(followed.mark);
        }
        Ok(())
    }

    /// Follows what customers hold: it is not offered to them again.
    pub(crate) async fn follow_holdings(&self) -> Result<(), LedgerFault> {
        let mut version = self.holdings_version.lock().await;
        let (holdings, now) = self.ledger.holdings_since(version.unwrap_or(0)).await?;
        holdings.iter().for_each(|holding| self.live.customers.set_holding(holding));
        *version = Some(now);
        self.live.customers.set_holdings_loaded();
        Ok(())
    }

    /// Brings customer records that are durable into force for the next decision.
    pub(crate) async fn apply_customers(&self, records: &[CustomerRecord]) {
        // Not between a look at the store and what comes of it: that look may be the older one.
        let _mark = self.customer_mark.lock().await;
        self.take_consents(records.iter().map(|told| (&*told.customer_id, told.consent)));
        for record in records {
            self.live.customers.set_attributes(&record.customer_id, &record.attributes);
        }
    }

    /// Brings holdings that are durable into force for the next decision.
    pub(crate) async fn apply_holdings(&self, records: Vec<HoldingRecord>) {
        let _mark = self.customer_mark.lock().await;
        for HoldingRecord { customer_id, item_id, since, until } in records {
            let holding = FollowedHolding { customer_id, item_id, since, until };
            self.live.customers.set_holding(&holding);
        }
    }
}
