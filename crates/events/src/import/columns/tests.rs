use super::*;

fn check(kind: FileKind, header: &str, expected: &str) {
    let names: Vec<String> = header.split(',').map(str::to_owned).collect();
    let found = recognize(kind, &names);
    let shown: Vec<&str> = found.fields.iter().map(|f| f.map_or("-", Field::as_str)).collect();
    let got = format!("{}: {}", found.shape.as_str(), shown.join(","));
    assert_eq!(got, expected, "for {header}");
}

#[test]
fn order_files_of_real_shops() {
    use FileKind::Orders;
    let uci =
        "UCI Online Retail: order_id,item_id,title,quantity,timestamp,unit_price,customer_id,-";
    check(
        Orders,
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
        uci,
    );
    check(
        Orders,
        "\u{feff}Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country",
        uci,
    );
    check(
        Orders,
        "basket_id,item_id,customer_id,quantity,unit_price,timestamp,country,is_cancellation",
        "generic: order_id,item_id,customer_id,quantity,unit_price,timestamp,-,is_cancellation",
    );
    check(
        Orders,
        "ORDER ID,Product-Id,user id,created_at,qty,store",
        "generic: order_id,item_id,customer_id,timestamp,quantity,location_id",
    );
    check(
        Orders,
        "order_details_id,order_id,order_date,order_time,menu_item_id",
        "generic: -,order_id,timestamp,clock,item_id",
    );
    check(
        Orders,
        "Receipt,Date,Time,SKU,Units,Amount",
        "generic: order_id,timestamp,clock,item_id,quantity,line_total",
    );
}

#[test]
fn exports_of_shop_systems() {
    use FileKind::Orders;
    check(
        Orders,
        "Name,Email,Financial Status,Currency,Total,Created at,Lineitem quantity,Lineitem name,\
         Lineitem price,Lineitem sku,Cancelled at,Id",
        "Shopify order export: order_id,email,status,currency,-,timestamp,quantity,title,\
         unit_price,item_id,cancelled_at,-",
    );
    check(
        Orders,
        "Order Number,Order Status,Order Date,Customer User ID,Customer Email,Item Name,SKU,\
         Quantity,Item Cost,Order Currency",
        "WooCommerce order export: order_id,status,timestamp,customer_id,email,title,item_id,\
         quantity,unit_price,currency",
    );
    check(
        Orders,
        "event_name,event_timestamp,user_pseudo_id,ecommerce.transaction_id,items.item_id,\
         items.item_name,items.quantity,items.price",
        "Google Analytics 4 export: event_name,timestamp,customer_id,order_id,item_id,title,\
         quantity,unit_price",
    );
    check(
        Orders,
        "id,created_at,customer.id,items[].sku,items[].name,items[].price,items[].quantity",
        "generic: -,timestamp,customer_id,item_id,title,unit_price,quantity",
    );
    check(Orders, "order_id,products[]", "generic: order_id,item_id");
}

#[test]
fn catalogs_customers_holdings_and_events() {
    check(
        FileKind::Items,
        "Handle,Title,Product Type,Variant SKU,Variant Price,Image Src,Cost per item",
        "generic: -,title,category,item_id,unit_price,image_url,cost",
    );
    check(
        FileKind::Items,
        "menu_item_id,item_name,category,price",
        "generic: item_id,title,category,unit_price",
    );
    check(FileKind::Customers, "customer_id,sex,consent", "generic: customer_id,-,consent");
    check(FileKind::Holdings, "client_id,plan,start_date", "generic: customer_id,item_id,since");
    check(
        FileKind::Events,
        "timestamp,visitorid,event,itemid,transactionid",
        "generic: timestamp,session_id,event_name,item_id,order_id",
    );
    check(FileKind::Events, "SessionId,ItemId,Time", "generic: session_id,item_id,timestamp");
}

#[test]
fn one_column_has_one_field_and_the_surest_name_wins() {
    check(FileKind::Orders, "invoice,order_id,sku", "generic: -,order_id,item_id");
    check(FileKind::Orders, "sku,order_id,sku", "generic: item_id,order_id,-");
    check(FileKind::Orders, "apples,pears", "generic: -,-");
}
