using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Mcp.Transport;

/// <summary>Ends connections beyond a number before they cost a handshake: a storm is shed, those who are in stay in.</summary>
internal static class ConnectionCap
{
    /// <summary>Lets at most <paramref name="most"/> connections of <paramref name="listen"/> live at a time.</summary>
    public static void Use(ListenOptions listen, int most)
    {
        var live = 0;
        listen.Use(next => async connection =>
        {
            try
            {
                if (Interlocked.Increment(ref live) > most)
                    connection.Abort(new ConnectionAbortedException("too many connections"));
                else
                    await next(connection);
            }
            finally
            {
                Interlocked.Decrement(ref live);
            }
        });
    }
}
