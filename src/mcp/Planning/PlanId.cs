using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Mcp.V1;

namespace Mcp.Planning;

/// <summary>
/// A plan's id: a hash over spec hashes, actions, nodes, epochs, generations and running, stopped or unknown, without times and counters. The same
/// fleet and the same directory give the same id at every call; any move gives another one. Texts are left out: they may be worded anew.
/// </summary>
internal static class PlanId
{
    // 96 bits: nobody meets a second plan with the same id, and an operator can still paste it.
    private const int Digits = 24;

    /// <summary>Lower-case hex.</summary>
    public static string Of(Plan plan)
    {
        var text = new StringBuilder("mcp plan 1\n");
        foreach (var e in plan.Entries)
        {
            text.Append(CultureInfo.InvariantCulture, $"{e.Service} {e.Action} {e.Node} {e.SpecHash} {e.DeployedHash} {e.Generation} {e.Epoch} {e.State} {(e.Refusal is null ? "" : "refused")} {e.NodeGeneration}\n");
        }
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..Digits];
    }
}
