//! The names that people give to columns, squeezed (lower case, letters and digits only), the
//! surest first. A name stands under one field of a table only, or the first field claims it.

use super::aliases_abroad::aliases_abroad;
use super::columns::{Field, FileKind, Shape};

/// Names of a field in a file of this kind and shape.
pub(crate) fn aliases(
    kind: FileKind,
    field: Field,
    shape: Shape,
) -> impl Iterator<Item = &'static str> {
    let names = match (kind, field, shape) {
        (FileKind::Orders, Field::OrderId, Shape::Shopify) => "name",
        // The same names for items, whether a shop is exported as CSV or as JSON.
        (FileKind::Orders, Field::ItemId, Shape::Shopify | Shape::WooCommerce) => SHOP_ITEM,
        (FileKind::Orders, Field::Title, Shape::Shopify) => "name title",
        (FileKind::Relations, Field::Source, _) => "source provenance origin list",
        (_, Field::Source | Field::RefundId, shape) if shape != Shape::Alongside => "",
        (FileKind::Orders, Field::Kind, shape) if shape != Shape::Alongside => "",
        (FileKind::Orders, Field::Kind, _) => "itemkind",
        (_, Field::Source, _) => "source",
        (_, Field::RefundId, _) => "refundid",
        (FileKind::Items, Field::ItemId, Shape::ShopifyProducts) => "variantsku sku",
        (FileKind::Items, Field::VariantOf, Shape::ShopifyProducts) => "handle",
        (FileKind::Items, Field::Category, Shape::ShopifyProducts) => {
            "productcategory producttype type"
        }
        (FileKind::Items, Field::ItemId, Shape::WooProducts) => "sku",
        (FileKind::Items, Field::VariantOf, Shape::WooProducts) => "parent",
        (FileKind::Items, Field::UnitPrice, Shape::WooProducts) => "saleprice",
        (FileKind::Items, Field::Published, Shape::ShopifyProducts | Shape::WooProducts) => {
            "published"
        }
        (FileKind::Items, Field::Visibility, Shape::WooProducts) => "visibilityincatalog",
        (FileKind::Items, Field::Status, Shape::ShopifyProducts) => "status",
        (FileKind::Items, Field::Published | Field::Visibility | Field::Status, _) => "",
        (FileKind::Orders, Field::EventName, _) => "eventname eventtype event",
        (FileKind::Orders, Field::Timestamp, Shape::Ga4) => {
            "eventtimestamp eventdatetime timestamp eventdate date datetime"
        }
        (FileKind::Holdings, Field::ItemId, _) => HOLDING_ITEM,
        (FileKind::Items, _, _) => {
            listed(CATALOG, field).or_else(|| listed(GENERAL, field)).unwrap_or("")
        }
        _ => listed(GENERAL, field).unwrap_or(""),
    };
    // What a shape leaves without a name has none in any language.
    let is_open = !names.is_empty() && shape == Shape::Generic;
    names.split_ascii_whitespace().chain(aliases_abroad(kind, field).filter(move |_| is_open))
}

fn listed(table: &[(Field, &'static str)], field: Field) -> Option<&'static str> {
    table.iter().find(|(of, _)| *of == field).map(|(_, names)| *names)
}

const SHOP_ITEM: &str = "\
    sku productsku itemsku variantsku variationid variantid itemid productid productcode itemcode";

const HOLDING_ITEM: &str = "\
    itemid productid sku productcode product item accounttype policytype service serviceid plan \
    planid";

/// In a catalog a plain `id`, `name` or `price` is that of the item.
const CATALOG: &[(Field, &str)] = &[
    (
        Field::ItemId,
        "itemid productid sku stockcode menuitemid id variantsku productsku itemsku productcode \
         itemcode articleid code handle asin upc ean gtin itemno itemnumber productkey dishid \
         plu",
    ),
    (
        Field::Title,
        "title titles itemname productname name producttitle itemtitle description \
         productdescription displayname prodname",
    ),
    (
        Field::Category,
        "category categoryname categorypath categories productcategory googleproductcategory \
         producttype itemcategory type department categoryid productcategoryname section",
    ),
    (
        Field::UnitPrice,
        "price unitprice productprice itemprice sellingprice saleprice variantprice regularprice \
         listprice retailprice",
    ),
];

/// In all other files.
const GENERAL: &[(Field, &str)] = &[
    (
        Field::OrderId,
        "orderid basketid transactionid invoiceno invoice invoiceid invoicenumber ordernumber \
         orderno receiptid receipt receiptno receiptnr receiptnum receiptnumber ticketid ticket \
         ticketno ticketnr ticketnum ticketnumber checkid \
         salesorderid salesordernumber saleid salesid ordername orderkey ecommercetransactionid \
         billid billno bill cartid txnid transactionno transactionnumber transaction order \
         basket",
    ),
    (
        Field::ItemId,
        "itemid productid sku stockcode menuitemid itemsku productsku variantsku productcode \
         itemcode articleid articlecode articleno variantid itemno itemnumber productnumber \
         productkey upc ean gtin asin materialid dishid plu product item article",
    ),
    (
        Field::Title,
        "title itemname productname producttitle itemtitle description itemdescription \
         productdescription menuitem menuitemname dish orderitemname prodname",
    ),
    (
        Field::Category,
        "category categoryname itemcategory productcategory categorypath producttype department \
         productcategoryname categories",
    ),
    (Field::Subcategory, "subcategory subcategoryname productsubcategory"),
    (
        Field::LocationId,
        "locationid location storeid store shopid branchid branch branchcode territoryid \
         territory outletid outlet restaurantid storecode storename storenumber siteid \
         warehouseid",
    ),
    (
        Field::TillId,
        "tillid till tillno tillnumber registerid register registerno registernumber posid pos \
         posno terminalid terminal terminalno terminalnumber cashregister workstationid",
    ),
    (
        Field::Timestamp,
        "invoicedate timestamp createdat orderdate orderdatetime transactiondate purchasedate \
         datetime orderedat ordertimestamp transactiontimestamp purchasetimestamp \
         orderpurchasetimestamp datecreated created date eventtimestamp eventtime saledate \
         salesdate dateadded processedat receivedat orderdayandtime ts ordertime \
         transactiontime time eventdate day",
    ),
    (Field::Clock, "ordertime time transactiontime timeofday"),
    (
        Field::CustomerId,
        "customerid userid clientid customerno customernumber customer memberid accountid \
         buyerid shopperid customeruserid customerkey userpseudoid loyaltyid cardid householdkey \
         householdid contactid personid user client   customeridentifier",
    ),
    (
        Field::Email,
        "email customeremail billingemail emailbilling billingemailaddress emailaddress \
         useremail customeremailaddress contactemail",
    ),
    (
        Field::SessionId,
        "sessionid visitorid gasessionid session visitid anonymousid deviceid cookieid \
         usersession",
    ),
    (
        Field::Quantity,
        "quantity qty itemquantity quantityordered orderquantity units unitssold numitems \
         itemqty orderqty productquantity pieces",
    ),
    (
        Field::UnitPrice,
        "unitprice price itemprice priceperunit itemcost amountperitem productprice sellingprice \
         salesprice priceeach",
    ),
    (
        Field::LineTotal,
        "linetotal lineprice lineamount itemtotal linesubtotal extendedprice salesamount \
         linevalue itemrevenue revenue amount",
    ),
    (Field::Currency, "currency currencycode ordercurrency presentmentcurrency"),
    (Field::Status, "financialstatus orderstatus status paymentstatus"),
    (Field::CancelledAt, "cancelledat canceledat cancelleddate datecancelled"),
    (
        Field::IsCancellation,
        "iscancellation iscancelled iscanceled cancelled canceled returned isreturned refunded \
         isrefunded void isvoid",
    ),
    // A row that is a return; `returned` is a sale that came back.
    (Field::IsReturn, "isreturn isrefund isreturnline isrefundline isreturnrow isrefundrow"),
    (Field::LineKind, "linekind"),
    (Field::EventName, "eventname eventtype event action eventaction type"),
    (Field::EventId, "eventid messageid hitid insertid uuid"),
    (Field::Origin, "origin itemlistid itemlistname"),
    (Field::RecommendationId, "recommendationid recoid recommendationtoken"),
    (Field::Kind, "kind itemkind"),
    (Field::Cost, "cost unitcost productcost itemcost costprice costperitem"),
    (
        Field::Stock,
        "stock stockquantity inventory inventoryquantity variantinventoryqty onhand \
         quantityavailable stocklevel availablequantity qtyinstock",
    ),
    (Field::RegularPrice, "regularprice listprice"),
    (Field::InStock, "instock isinstock availability"),
    (Field::Hidden, "hidden ishidden disabled"),
    (Field::VariantOf, "variantof parentid parentsku itemgroupid parentitemid"),
    (Field::Sensitive, "sensitive issensitive adult"),
    (Field::ImageUrl, "imageurl imagelink imagesrc image picture images"),
    (Field::Url, "url link producturl itemurl permalink"),
    (Field::Consent, "consent marketingconsent hasconsent optin gdprconsent"),
    (Field::Since, "since startdate start openedat opendate validfrom"),
    (Field::Until, "until enddate end closedat closedate validto validuntil"),
    (
        Field::FromItem,
        "fromitem fromitemid from anchor anchoritem anchoritemid anchorid itema itemid productid \
         sku productsku item product",
    ),
    (
        Field::ToItem,
        "toitem toitemid to target targetitem targetitemid itemb relateditem relateditemid \
         relatedproduct relatedproductid relatedsku linkedproduct linkedproductsku linkedsku \
         plan planid",
    ),
    (Field::Relation, "relation relationtype linktype relationship type kind"),
    (Field::Note, "note notes comment remark"),
];
