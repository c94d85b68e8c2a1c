// SlickGrid imports Sortable to move columns about, which is not done here: it is left out of the bundle.
export default undefined;
