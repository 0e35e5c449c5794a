return Redoubt.Lab.Commands.LabCommand.Run(args);
