namespace Mcp.Certificates;

/// <summary>How long certificates live (SPEC §5), and when they are renewed.</summary>
internal static class Lifetimes
{
    /// <summary>The root of a fleet; 20 years of 365.25 days.</summary>
    public static readonly TimeSpan Root = TimeSpan.FromDays(20 * 365.25);

    /// <summary>The two intermediates; 3 years. The master renews them at a third left.</summary>
    public static readonly TimeSpan Intermediate = TimeSpan.FromDays(3 * 365.25);

    /// <summary>The identity of an agent or of the master.</summary>
    public static readonly TimeSpan Machine = TimeSpan.FromDays(90);

    /// <summary>The identity of a person.</summary>
    public static readonly TimeSpan Human = TimeSpan.FromDays(30);

    /// <summary>After this time since login a person's chain of renewals ends; the next login needs a new token.</summary>
    public static readonly TimeSpan HumanChain = TimeSpan.FromDays(180);

    /// <summary>For so long after its end a person's certificate may still call RenewIdentity.</summary>
    public static readonly TimeSpan HumanGrace = TimeSpan.FromDays(90);

    /// <summary>Certificates begin this long before they are made: the clocks of a fleet are not equal.</summary>
    public static readonly TimeSpan Backdate = TimeSpan.FromHours(1);

    /// <summary>Whether a machine renews now: a third or less of the life is left.</summary>
    public static bool IsThirdLeft(DateTimeOffset notBefore, DateTimeOffset notAfter, DateTimeOffset now) =>
        notAfter - now <= (notAfter - notBefore) / 3;

    /// <summary>Whether a person's certificate is renewed on use: more than half of the life is over.</summary>
    public static bool IsPastHalf(DateTimeOffset notBefore, DateTimeOffset notAfter, DateTimeOffset now) =>
        now - notBefore > (notAfter - notBefore) / 2;
}
