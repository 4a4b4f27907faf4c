//! Roles: what each kind of caller may do.

use std::collections::BTreeSet;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::pb::Permission;

/// A kind of caller. One with several roles may do what each of them may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads orders, products and stock; neither whose the orders are, nor what they cost.
    Reader,
    /// Sells: places and changes orders, takes payments, answers for customers.
    Storefront,
    /// Picks, packs and hands over, and keeps the shelves. Labels and slips have names and addresses, and no prices.
    Warehouse,
    /// Takes money and pays it back, gives discount codes, and grants customers their terms.
    Finance,
    /// Decides what waits for a person.
    Approver,
    /// Watches how the server does, and sees nothing of orders.
    Monitor,
    /// Sees who was shown customers' data, and nothing of that data.
    Auditor,
    /// Answers persons who ask what is held about them, or to be forgotten.
    Privacy,
    /// The back office: everything but APPROVE, TAKE_PAYMENTS, REFUND, MANAGE_ACCESS, READ_AUDIT, EXPORT_PERSONAL_DATA,
    /// ERASE_PERSONAL_DATA, and CARRY, which it needs not: it sees every shipment.
    Operator,
    /// Everything.
    Admin,
}

impl Role {
    pub const ALL: [Self; 10] = [
        Self::Reader,
        Self::Storefront,
        Self::Warehouse,
        Self::Finance,
        Self::Approver,
        Self::Monitor,
        Self::Auditor,
        Self::Privacy,
        Self::Operator,
        Self::Admin,
    ];

    /// The word for it in settings, on the wire and in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Storefront => "storefront",
            Self::Warehouse => "warehouse",
            Self::Finance => "finance",
            Self::Approver => "approver",
            Self::Monitor => "monitor",
            Self::Auditor => "auditor",
            Self::Privacy => "privacy",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// None: there is no such role.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.word() == word)
    }

    pub fn permissions(self) -> Vec<Permission> {
        match self {
            Self::Reader => vec![Permission::ReadOrders, Permission::ReadCatalogue],
            Self::Storefront => vec![
                Permission::ReadOrders,
                Permission::ReadCatalogue,
                Permission::ReadMoney,
                Permission::ReadPersonalData,
                Permission::PlaceOrders,
                Permission::ChangeOrders,
                Permission::TakePayments,
                Permission::GiveFeedback,
                Permission::RequestReturns,
                Permission::ReadCustomers,
                Permission::ManageCustomers,
            ],
            Self::Warehouse => vec![
                Permission::ReadOrders,
                Permission::ReadCatalogue,
                Permission::ReadPersonalData,
                Permission::ManageStock,
                Permission::Fulfil,
                Permission::ReportTracking,
            ],
            Self::Finance => vec![
                Permission::ReadOrders,
                Permission::ReadMoney,
                Permission::ReadPersonalData,
                Permission::TakePayments,
                Permission::Refund,
                Permission::ManageDiscounts,
                Permission::ReadCustomers,
                Permission::ManageCustomers,
                Permission::GrantTerms,
            ],
            Self::Approver => vec![
                Permission::ReadOrders,
                Permission::ReadCatalogue,
                Permission::ReadMoney,
                Permission::ReadPersonalData,
                Permission::Approve,
            ],
            Self::Monitor => vec![Permission::ReadOperations],
            Self::Auditor => vec![Permission::ReadAudit],
            Self::Privacy => vec![Permission::ExportPersonalData, Permission::ErasePersonalData],
            Self::Operator => OF_OPERATORS.to_vec(),
            Self::Admin => every_permission().collect(),
        }
    }

    /// What a caller with these roles may do.
    pub fn permissions_of(roles: &[Self]) -> BTreeSet<Permission> {
        roles.iter().flat_map(|it| it.permissions()).collect()
    }
}

/// Everything about orders and goods that needs no second person, and how the server is doing.
const OF_OPERATORS: [Permission; 21] = [
    Permission::ReadOrders,
    Permission::ReadCatalogue,
    Permission::ReadMoney,
    Permission::ReadPersonalData,
    Permission::PlaceOrders,
    Permission::ChangeOrders,
    Permission::VerifyOrders,
    Permission::GiveFeedback,
    Permission::ManageDiscounts,
    Permission::ManageCatalogue,
    Permission::ManageStock,
    Permission::Fulfil,
    Permission::ReportTracking,
    Permission::Operate,
    Permission::RequestReturns,
    Permission::ManageReturns,
    Permission::ReadCustomers,
    Permission::ManageCustomers,
    Permission::GrantTerms,
    Permission::ReadOperations,
    Permission::ManageSubscriptions,
];

/// Those that the proto declares: their numbers have no gap.
fn every_permission() -> impl Iterator<Item = Permission> {
    (1..).map_while(|it| Permission::try_from(it).ok())
}
