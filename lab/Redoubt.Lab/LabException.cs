namespace Redoubt.Lab;

/// <summary>The lab could not do what it was asked: a program failed, a deadline passed, something is missing. The message says all.</summary>
public sealed class LabException(string message, Exception? inner = null) : Exception(message, inner);
