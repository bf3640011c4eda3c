// What the function import does; the mock server keeps the rows.
module.exports = {
  async executeAction(_action, _data, _keys, request) {
    // Parameters of a function import stand in the query.
    const said = (request.allParams.get('PurchaseOrder') ?? '').replace(/^'|'$/g, '');
    const key = { PurchaseOrder: said };
    const row = (await this.base.getAllEntries()).find((entry) => entry.PurchaseOrder === key.PurchaseOrder);
    if (!row) {
      this.throwError('No such order', 404, { error: { code: 'ZMW/001', message: { lang: 'en', value: 'No such order' } } });
    }
    if (row.IsReleased) {
      this.throwError('Released already', 400, {
        error: {
          code: 'ZMW/002',
          message: { lang: 'en', value: `Order ${key.PurchaseOrder} is released already` },
          innererror: { errordetails: [{ code: 'ZMW/003', message: 'Ask purchasing', target: 'IsReleased', severity: 'error' }] }
        }
      });
    }
    await this.base.updateEntry(key, { ...row, IsReleased: true }, { IsReleased: true }, request);
    return { ...row, IsReleased: true };
  }
};
