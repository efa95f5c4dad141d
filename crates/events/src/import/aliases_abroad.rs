//! Names of columns in German, French, Spanish, Italian, Dutch, Portuguese and Polish, squeezed
//! like those of [`super::aliases`]: letters keep their accents, and stand without them too, for
//! many programs write them so. English names are looked for first.

use super::columns::{Field, FileKind};

/// Names of a field in a file of this kind.
pub(crate) fn aliases_abroad(kind: FileKind, field: Field) -> impl Iterator<Item = &'static str> {
    let own = match kind {
        FileKind::Items => listed(CATALOG, field),
        _ => None,
    };
    let is_relation = kind == FileKind::Relations;
    let names = own.or_else(|| listed(ABROAD, field)).filter(|_| !is_relation);
    names.unwrap_or("").split_ascii_whitespace()
}

fn listed(table: &[(Field, &'static str)], field: Field) -> Option<&'static str> {
    table.iter().find(|(of, _)| *of == field).map(|(_, names)| *names)
}

/// In a catalog a plain name or price is that of the item.
const CATALOG: &[(Field, &str)] = &[(
    Field::Title,
    "artikelbezeichnung artikelname produktname bezeichnung nomproduit nomduproduit \
     libellé libelle désignation designation nom nombreproducto nombredelproducto descripción \
     descripcion nombre nomeprodotto descrizione nome productnaam artikelnaam omschrijving naam \
     nomeproduto nomedoproduto descrição descricao nazwaproduktu nazwatowaru nazwa opis",
)];

const ABROAD: &[(Field, &str)] = &[
    (
        Field::OrderId,
        "bestellnummer bestellnr bestellid auftragsnummer auftragsnr auftragnr auftrag \
         rechnungsnummer rechnungsnr belegnummer belegnr beleg bonnummer bonnr bonno \
         kassenbonnummer kassenbonnr bestellung \
         numérocommande numerocommande numérodecommande numerodecommande ncommande nocommande \
         idcommande référencecommande referencecommande numérofacture numerofacture nfacture \
         numticket numéroticket numeroticket numérodeticket numerodeticket commande \
         númeropedido numeropedido númerodepedido numerodepedido npedido nºpedido idpedido \
         númerofactura numerofactura nfactura nºfactura númeroticket numerodoticket pedido \
         numeroordine numeroordineid nordine idordine numerofattura numeroscontrino nscontrino \
         ordine bestelnummer bestelnr bestellingnummer ordernummer factuurnummer kassabonnummer \
         bonnetjenr bestelling númerodopedido numerodopedido númeronota numeronota \
         encomenda númeroencomenda numeroencomenda \
         numerzamówienia numerzamowienia nrzamówienia nrzamowienia idzamówienia idzamowienia \
         numerfaktury nrfaktury numerparagonu nrparagonu zamówienie zamowienie paragon",
    ),
    (
        Field::ItemId,
        "artikelnummer artikelnr artikelid artnr produktnummer produktnr produktid artikel produkt \
         référencearticle referencearticle référenceproduit referenceproduit codearticle \
         codeproduit idproduit idarticle référence produit \
         códigoproducto codigoproducto códigodeproducto codigodeproducto idproducto \
         referenciaproducto códigoartículo codigoarticulo producto artículo articulo \
         codiceprodotto codicearticolo idprodotto codart prodotto articolo \
         productnummer productnr artikelcode \
         códigoproduto codigoproduto códigodoproduto codigodoproduto idproduto referênciaproduto \
         produto kodproduktu idproduktu kodtowaru idtowaru indekstowaru symboltowaru indeks towar",
    ),
    (
        Field::Title,
        "artikelbezeichnung artikelname produktname produktbezeichnung bezeichnung \
         nomproduit nomduproduit nomarticle libelléproduit libelleproduit libelléarticle \
         libellearticle libellé libelle désignation designation \
         nombreproducto nombredelproducto nombredeproducto descripciónproducto \
         descripcionproducto descripción descripcion nomeprodotto descrizioneprodotto \
         descrizionearticolo descrizione productnaam artikelnaam productomschrijving \
         omschrijving nomeproduto nomedoproduto descriçãoproduto descricaoproduto descrição \
         descricao nazwaproduktu nazwatowaru nazwa",
    ),
    (
        Field::Category,
        "warengruppe produktgruppe artikelgruppe kategorie produktkategorie catégorie categorie \
         catégorieproduit famille rayon categoría categoria familia reparto productgroep \
         artikelgroep categorieproduct kategoria grupatowarowa",
    ),
    (
        Field::LocationId,
        "filiale filialnr filialnummer filialid standort markt magasin boutique \
         pointdevente idmagasin codemagasin tienda sucursal idtienda negozio puntovendita \
         idnegozio winkel filiaal winkelnummer vestiging loja idloja sklep nrsklepu",
    ),
    (
        Field::TillId,
        "kasse kassennr kassennummer kassenid caisse numérocaisse numerocaisse ncaisse caja \
         númerocaja numerocaja cassa numerocassa kassa kassanummer caixa kasanr nrkasy",
    ),
    (
        Field::Timestamp,
        "bestelldatum auftragsdatum rechnungsdatum kaufdatum belegdatum verkaufsdatum \
         bestellzeitpunkt datum zeitstempel datecommande datedecommande datedelacommande \
         datefacture dateachat datedachat datevente fechapedido fechadepedido fechadelpedido \
         fechafactura fechacompra fechadecompra fechaventa fecha dataordine datadellordine \
         datafattura dataacquisto datavendita besteldatum orderdatum factuurdatum aankoopdatum \
         verkoopdatum datapedido datadopedido datacompra datadacompra datavenda datazamówienia \
         datazamowienia datasprzedaży datasprzedazy datazakupu datafaktury data",
    ),
    (
        Field::Clock,
        "uhrzeit bestellzeit zeit heure heurecommande hora horapedido ora oraordine tijd \
         besteltijd godzina czas",
    ),
    (
        Field::CustomerId,
        "kundennummer kundennr kundenid kunde numéroclient numeroclient nclient idclient \
         codeclient númerocliente numerocliente ncliente nºcliente idcliente códigocliente \
         codigocliente codicecliente cliente klantnummer klantnr klantid klant númerodocliente \
         numerodocliente numerklienta nrklienta idklienta klient kontrahent",
    ),
    (Field::Email, "kundenemail emailclient correo correoelectrónico correoelectronico"),
    (
        Field::Quantity,
        "menge anzahl stückzahl stueckzahl bestellmenge stück stueck quantité quantite qté qte \
         cantidad cant unidades quantità quantita qtà qta pezzi aantal hoeveelheid \
         quantidade qtd qtde ilość ilosc liczbasztuk sztuk",
    ),
    (
        Field::UnitPrice,
        "einzelpreis stückpreis stueckpreis verkaufspreis preis prixunitaire prixunitairettc \
         prixunitaireht prixdevente prix preciounitario precioporunidad precioventa precio \
         prezzounitario prezzodivendita prezzo eenheidsprijs stukprijs verkoopprijs prijs \
         preçounitário precounitario preço preco cenajednostkowa cenasprzedaży cenasprzedazy \
         cenabrutto cenanetto cena",
    ),
    (
        Field::LineTotal,
        "gesamtpreis zeilensumme positionssumme positionsbetrag betrag montantligne totalligne \
         montant importelínea importelinea totallínea totallinea importe importoriga totaleriga \
         importo regeltotaal bedrag valortotal totaldalinha wartość wartosc wartośćpozycji",
    ),
    (
        Field::Currency,
        "währung waehrung devise monnaie moneda divisa valuta valutacode moeda waluta",
    ),
    (
        Field::Status,
        "bestellstatus auftragsstatus statutcommande statut estadopedido statoordine \
         bestelstatus orderstatus statuszamówienia statuszamowienia",
    ),
    (
        Field::Cost,
        "einkaufspreis einstandspreis prixachat prixdachat preciocompra prezzoacquisto inkoopprijs \
         cenazakupu",
    ),
    (
        Field::Stock,
        "lagerbestand bestand stockdisponible existencias giacenza voorraad estoque stanmagazynowy",
    ),
];
