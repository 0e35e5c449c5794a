using Redoubt.Web;

return await WebCommand.RunAsync(args);
