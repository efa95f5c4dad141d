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
        "generic: order_id,timestamp,customer_id,item_id,title,unit_price,quantity",
    );
    check(Orders, "order_id,products[]", "generic: order_id,item_id");
}

#[test]
fn the_same_shop_as_csv_and_as_json_has_the_same_ids() {
    use FileKind::Orders;
    // WooCommerce: the columns of Advanced Order Export, and of the REST API.
    check(
        Orders,
        "Order Number,Order Status,Order Date,Email (Billing),Order Total Amount,SKU,Item #,\
         Item Name,Quantity,Item Cost",
        "WooCommerce order export: order_id,status,timestamp,email,-,item_id,-,title,quantity,\
         unit_price",
    );
    check(
        Orders,
        "id,number,status,currency,date_created,customer_id,billing.email,line_items[].id,\
         line_items[].name,line_items[].product_id,line_items[].variation_id,\
         line_items[].quantity,line_items[].sku,line_items[].price",
        "WooCommerce order export: -,order_id,status,currency,timestamp,customer_id,email,-,title,\
         -,-,quantity,item_id,unit_price",
    );
    // Shopify: the REST API names orders as the CSV export does.
    check(
        Orders,
        "id,name,email,created_at,financial_status,line_items[].product_id,\
         line_items[].variant_id,line_items[].sku,line_items[].title,line_items[].name,\
         line_items[].quantity,line_items[].price",
        "Shopify order export: -,order_id,email,timestamp,status,-,-,item_id,-,title,quantity,\
         unit_price",
    );
    check(
        Orders,
        "source,order_id,timestamp,customer_id,item_id,quantity,unit_price,currency,location_id,\
         line_kind,refund_id",
        "Alongside order export: source,order_id,timestamp,customer_id,item_id,quantity,\
         unit_price,currency,location_id,line_kind,refund_id",
    );
    // Elsewhere `source` is a channel of sales.
    check(Orders, "order_id,sku,Source", "generic: order_id,item_id,-");
}

#[test]
fn catalogs_customers_holdings_and_events() {
    check(
        FileKind::Items,
        "Handle,Title,Product Type,Variant SKU,Variant Price,Image Src,Cost per item",
        "Shopify product export: variant_of,title,category,item_id,unit_price,image_url,cost",
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

#[test]
fn exports_in_other_languages() {
    use FileKind::Orders;
    let fields = "generic: order_id,item_id,title,quantity,timestamp,unit_price,customer_id";
    for header in [
        "Bestellnummer,Artikelnummer,Bezeichnung,Menge,Bestelldatum,Einzelpreis,Kundennummer",
        "Bestell-Nr.,Art.-Nr.,Artikelbezeichnung,Anzahl,Datum,Preis,Kunden-Nr.",
        "N° commande,Référence article,Désignation,Quantité,Date commande,Prix unitaire,N° client",
        "numero_commande,code_article,libelle,quantite,date_commande,prix,id_client",
        "Número de pedido,Código producto,Descripción,Cantidad,Fecha,Precio unitario,ID cliente",
        "numero_pedido,id_producto,descripcion,cantidad,fecha_pedido,precio,id_cliente",
        "Numero ordine,Codice prodotto,Descrizione,Quantità,Data ordine,Prezzo unitario,ID cliente",
        "Bestelnummer,Artikelnummer,Omschrijving,Aantal,Besteldatum,Stukprijs,Klantnummer",
        "Número do pedido,Código do produto,Descrição,Quantidade,Data da compra,Preço,ID cliente",
        "Numer zamówienia,Kod produktu,Nazwa produktu,Ilość,Data zamówienia,Cena,Nr klienta",
        "nr_zamowienia,kod_produktu,nazwa,ilosc,data,cena_jednostkowa,id_klienta",
    ] {
        check(Orders, header, fields);
    }
    check(
        Orders,
        "Bon-Nr,Filiale,Kasse,Datum,Uhrzeit,Artikel,Menge,Gesamtpreis,Währung",
        "generic: order_id,location_id,till_id,timestamp,clock,item_id,quantity,line_total,\
         currency",
    );
    check(
        FileKind::Items,
        "Artikelnummer,Bezeichnung,Warengruppe,Preis,Lagerbestand",
        "generic: item_id,title,category,unit_price,stock",
    );
    // English names go before others, and shapes of shop systems know their own names only.
    check(Orders, "order_id,sku,qty,menge", "generic: order_id,item_id,quantity,-");
    check(FileKind::Items, "sku,nome,name", "generic: item_id,-,title");
}
