//! From the pick list to the doorstep. Label, courier, handover and proof are columns that stay empty until
//! then.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    shipments(schema).await?;
    parts(schema).await
}

async fn shipments(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "shipments",
            Shape::Apart,
            "id UUID NOT NULL PRIMARY KEY,
             order_id UUID NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
             number INTEGER NOT NULL CHECK (number > 0),
             version BIGINT NOT NULL,
             location TEXT NOT NULL REFERENCES locations (code),
             state TEXT NOT NULL CHECK (state IN ('PLANNED', 'PICKING', 'PICKED', 'QC_PASSED', 'QC_FAILED', 'PACKED',
                 'LABELLED', 'COURIER_ASSIGNED', 'PICKED_UP', 'IN_TRANSIT', 'OUT_FOR_DELIVERY', 'DELIVERY_ATTEMPTED',
                 'AVAILABLE_FOR_PICKUP', 'EXCEPTION', 'RETURNING', 'RETURNED', 'LOST', 'DELIVERED', 'CANCELLED')),

             tracking_number TEXT UNIQUE,
             label_text TEXT,
             label_zpl TEXT,
             label_created_at BIGINT,
             label_created_by TEXT,

             courier TEXT REFERENCES couriers (code),
             courier_service TEXT CHECK (courier_service IN ('STANDARD', 'EXPRESS', 'OVERNIGHT')),
             courier_price_minor BIGINT CHECK (courier_price_minor >= 0),
             courier_currency TEXT CHECK (length(courier_currency) = 3),
             pickup_at BIGINT,
             delivery_at BIGINT,
             courier_reason TEXT,
             assigned_by TEXT,
             assigned_at BIGINT,

             handed_over_at BIGINT,
             driver TEXT,
             packages_handed_over INTEGER CHECK (packages_handed_over > 0),
             handover_confirmed_by TEXT,

             received_at BIGINT,
             received_by TEXT,
             received_place TEXT,
             signature_sha256 TEXT,
             photo_sha256 TEXT,
             proof_recorded_by TEXT,

             promised_by BIGINT,
             estimated_at BIGINT,
             created_at BIGINT NOT NULL,
             updated_at BIGINT NOT NULL,
             UNIQUE (order_id, number),
             CHECK ((tracking_number IS NULL) = (label_text IS NULL)
                 AND (tracking_number IS NULL) = (label_zpl IS NULL)
                 AND (tracking_number IS NULL) = (label_created_at IS NULL)
                 AND (tracking_number IS NULL) = (label_created_by IS NULL)),
             CHECK ((courier IS NULL) = (courier_service IS NULL)
                 AND (courier IS NULL) = (courier_price_minor IS NULL)
                 AND (courier IS NULL) = (courier_currency IS NULL)
                 AND (courier IS NULL) = (pickup_at IS NULL)
                 AND (courier IS NULL) = (delivery_at IS NULL)
                 AND (courier IS NULL) = (courier_reason IS NULL)
                 AND (courier IS NULL) = (assigned_by IS NULL)
                 AND (courier IS NULL) = (assigned_at IS NULL)),
             CHECK ((handed_over_at IS NULL) = (driver IS NULL)
                 AND (handed_over_at IS NULL) = (packages_handed_over IS NULL)
                 AND (handed_over_at IS NULL) = (handover_confirmed_by IS NULL)),
             CHECK ((received_at IS NULL) = (received_by IS NULL)
                 AND (received_at IS NULL) = (received_place IS NULL)
                 AND (received_at IS NULL) = (signature_sha256 IS NULL)
                 AND (received_at IS NULL) = (photo_sha256 IS NULL)
                 AND (received_at IS NULL) = (proof_recorded_by IS NULL))",
        )
        .await?;

    schema
        .indexes(&[
            "CREATE INDEX shipments_created_at ON shipments (created_at, id)",
            "CREATE INDEX shipments_state ON shipments (state, created_at, id)",
            "CREATE INDEX shipments_location ON shipments (location, state, created_at, id)",
        ])
        .await
}

async fn parts(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "shipment_items",
            Shape::InKey,
            "shipment_id UUID NOT NULL REFERENCES shipments (id) ON DELETE CASCADE,
             line INTEGER NOT NULL CHECK (line > 0),
             place INTEGER NOT NULL,
             sku TEXT NOT NULL,
             description TEXT NOT NULL,
             quantity BIGINT NOT NULL CHECK (quantity > 0),
             picked BIGINT NOT NULL,
             checked BIGINT NOT NULL,
             packed BIGINT NOT NULL,
             weight_grams BIGINT NOT NULL CHECK (weight_grams >= 0),
             PRIMARY KEY (shipment_id, line),
             CHECK (0 <= packed AND packed <= checked AND checked <= picked AND picked <= quantity)",
        )
        .await?;

    schema
        .table(
            "packages",
            Shape::InKey,
            "shipment_id UUID NOT NULL REFERENCES shipments (id) ON DELETE CASCADE,
             number INTEGER NOT NULL CHECK (number > 0),
             weight_grams BIGINT NOT NULL CHECK (weight_grams >= 0),
             length_mm BIGINT NOT NULL CHECK (length_mm >= 0),
             width_mm BIGINT NOT NULL CHECK (width_mm >= 0),
             height_mm BIGINT NOT NULL CHECK (height_mm >= 0),
             PRIMARY KEY (shipment_id, number)",
        )
        .await?;
    schema
        .table(
            "package_items",
            Shape::InKey,
            "shipment_id UUID NOT NULL,
             package INTEGER NOT NULL,
             line INTEGER NOT NULL,
             place INTEGER NOT NULL,
             quantity BIGINT NOT NULL CHECK (quantity > 0),
             PRIMARY KEY (shipment_id, package, line),
             FOREIGN KEY (shipment_id, package) REFERENCES packages (shipment_id, number) ON DELETE CASCADE",
        )
        .await?;

    schema
        .table(
            "tracking_events",
            Shape::InKey,
            "shipment_id UUID NOT NULL REFERENCES shipments (id) ON DELETE CASCADE,
             sequence BIGINT NOT NULL CHECK (sequence > 0),
             status TEXT NOT NULL CHECK (status IN ('INFO_RECEIVED', 'PICKED_UP', 'IN_TRANSIT', 'CUSTOMS_HOLD', 'DELAYED',
                 'OUT_FOR_DELIVERY', 'DELIVERY_ATTEMPTED', 'AVAILABLE_FOR_PICKUP', 'DELIVERED', 'EXCEPTION',
                 'RETURNING', 'RETURNED', 'LOST', 'UNKNOWN')),
             incident TEXT NOT NULL,
             place TEXT NOT NULL,
             occurred_at BIGINT NOT NULL,
             recorded_at BIGINT NOT NULL,
             estimated_at BIGINT,
             source TEXT NOT NULL,
             raw_code TEXT NOT NULL,
             description TEXT NOT NULL,
             dedupe_key TEXT NOT NULL CHECK (dedupe_key <> ''),
             PRIMARY KEY (shipment_id, sequence),
             UNIQUE (shipment_id, dedupe_key)",
        )
        .await
}
