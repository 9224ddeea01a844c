namespace Mcp.Cli.Doctor;

/// <summary>How a check came out; the number orders from harmless to broken.</summary>
internal enum Verdict
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>It works, and will not for ever, or not in every case.</summary>
    Warning,

    /// <summary>Something does not work.</summary>
    Error,
}

/// <summary>One thing that was looked at.</summary>
/// <param name="Check">Which check says it; one word.</param>
/// <param name="Verdict">How it is.</param>
/// <param name="Message">What was found, in words.</param>
/// <param name="Remedy">The command to type, or what to change; null when all is well.</param>
internal sealed record DoctorLine(string Check, Verdict Verdict, string Message, string? Remedy = null);
