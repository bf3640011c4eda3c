// What acts on no row.
module.exports = {
  async executeAction(action, data) {
    return action.name === 'recount' ? { value: data.Plants.length } : undefined;
  }
};
