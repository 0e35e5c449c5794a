namespace Redoubt.Linux.Conntrack;

/// <summary>Every bound of this folder, in one place.</summary>
public static class ConntrackLimits
{
    /// <summary>Longest lifetime sent, in seconds: the kernel counts in jiffies that must fit an int, at HZ 1000 (24.8 days).</summary>
    public const uint MaxTimeoutSeconds = int.MaxValue / 1000;

    /// <summary>Messages in one send of <see cref="ConntrackTable.Apply"/>. Every one may answer with an error, and all answers must fit the
    /// receive buffer at once.</summary>
    public const int MaxBatch = 128;

    /// <summary>Bytes one message of ours can have: IPv6, translated both ways, with all that TCP has, helper, labels and sequence adjustment, is 496.</summary>
    public const int MaxMessageLength = 640;

    /// <summary>Bytes of one received event. The longest the kernel builds (labels, helper, counters, security context) is well below.</summary>
    public const int MaxEventLength = 2048;

    /// <summary>Datagrams taken from the kernel with one system call.</summary>
    public const int EventsPerReceive = 64;

    /// <summary>Bytes of one part of a dump: the kernel never builds more (32 KiB less its own overhead).</summary>
    public const int DumpBufferLength = 32 * 1024;

    /// <summary>Largest receive buffer <see cref="ConntrackEvents.Grow"/> asks for, in bytes. 256 MiB hold about 400,000 events.</summary>
    public const int MaxReceiveBuffer = 256 * 1024 * 1024;

    /// <summary>Receive buffer of a request socket, in bytes: a full batch of answers, each accounted with less than 2 KiB.</summary>
    public const int AnswerBuffer = MaxBatch * 2048;

    /// <summary>Datagrams read while waiting for one answer before the request counts as unanswered.</summary>
    public const int MaxAnswers = MaxBatch * 4;
}
