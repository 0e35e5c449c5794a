using Redoubt.Daemon;

return DaemonCommand.Run(args);
