//! The tenants whose people sign in.

use super::random::Share;

/// A tenant.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) id: &'static str,
    /// Its mail domain, under `.example`.
    pub(super) domain: &'static str,
    /// How many of all people belong to it, against the others' shares.
    pub(super) share: u32,
    pub(super) naming: Naming,
    /// Whether its servers know a user's names and e-mail address, and log them.
    pub(super) has_directory: bool,
}

/// What a tenant's servers log as the user's id.
#[derive(Debug, Clone, Copy)]
pub(super) enum Naming {
    /// `maria.lopez@alder.example`
    Email,
    /// `maria.lopez`
    Account,
    /// `CORP\maria.lopez`, whose backslash JSON escapes.
    DownLevel,
}

const fn tenant(
    id: &'static str,
    domain: &'static str,
    share: u32,
    naming: Naming,
    has_directory: bool,
) -> Tenant {
    Tenant { id, domain, share, naming, has_directory }
}

impl Share for Tenant {
    fn share(&self) -> u32 {
        self.share
    }
}

/// Every tenant. The shares follow Zipf's law: the second has half of the first, the third a third.
pub(super) const TENANTS: &[Tenant] = &[
    tenant("alder-bank", "alder", 10000, Naming::Account, true),
    tenant("birch-clinic", "birch", 5000, Naming::Email, false),
    tenant("cedar-energy", "cedar", 3333, Naming::Email, false),
    tenant("dogwood-media", "dogwood", 2500, Naming::Email, false),
    tenant("elm-insurance", "elm", 2000, Naming::Account, true),
    tenant("fir-logistics", "fir", 1667, Naming::Email, false),
    tenant("ginkgo-software", "ginkgo", 1429, Naming::Email, false),
    tenant("hazel-foods", "hazel", 1250, Naming::Email, false),
    tenant("hickory-steel", "hickory", 1111, Naming::Email, true),
    tenant("holly-retail", "holly", 1000, Naming::Account, false),
    tenant("ivy-university", "ivy", 909, Naming::Email, true),
    tenant("juniper-telecom", "juniper", 833, Naming::Email, false),
    tenant("kauri-mining", "kauri", 769, Naming::Email, true),
    tenant("larch-airlines", "larch", 714, Naming::Account, false),
    tenant("laurel-legal", "laurel", 667, Naming::Email, true),
    tenant("linden-hotels", "linden", 625, Naming::Email, false),
    tenant("maple-pharma", "maple", 588, Naming::Email, true),
    tenant("myrtle-textiles", "myrtle", 556, Naming::Email, false),
    tenant("oak-council", "oak", 526, Naming::Email, true),
    tenant("olive-farms", "olive", 500, Naming::Email, false),
    tenant("palm-shipping", "palm", 476, Naming::Account, true),
    tenant("pear-studios", "pear", 455, Naming::Email, false),
    tenant("pine-railways", "pine", 435, Naming::Email, true),
    tenant("plum-games", "plum", 417, Naming::Email, false),
    tenant("poplar-paper", "poplar", 400, Naming::Email, true),
    tenant("quince-labs", "quince", 385, Naming::Email, false),
    tenant("rowan-hospital", "rowan", 370, Naming::Email, true),
    tenant("sequoia-parks", "sequoia", 357, Naming::Account, false),
    tenant("spruce-builders", "spruce", 345, Naming::Email, true),
    tenant("sumac-paints", "sumac", 333, Naming::Email, false),
    tenant("tamarind-spices", "tamarind", 323, Naming::DownLevel, true),
    tenant("teak-furniture", "teak", 312, Naming::Email, false),
    tenant("walnut-motors", "walnut", 303, Naming::Email, true),
    tenant("willow-charity", "willow", 294, Naming::Email, false),
    tenant("yew-archives", "yew", 286, Naming::Email, true),
    tenant("zelkova-gardens", "zelkova", 278, Naming::Email, false),
];
