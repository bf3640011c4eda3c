// What the actions and functions do; the mock server keeps the rows.
module.exports = {
  async executeAction(action, data, keys, request) {
    switch (action.name) {
      case 'block':
        await this.base.updateEntry(keys, { Blocked: true }, { Blocked: true }, request);
        return { ...data.in, ...keys, Blocked: true };
      case 'available':
        return { value: `${keys.Material ?? ''}:${data.On ?? ''}` };
      default:
        return undefined;
    }
  }
};
